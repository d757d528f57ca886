/** What a host says of a listing, in words: who it is, how it is booked, which stays are taken. */
import type { Rows } from "../../api/client";
import { addressOf } from "./place";
import { dateOf, guestsText, longDay, nightsText, WEEKDAYS } from "./days";
import { money } from "./money";

export type ListingFacts = Rows<"/api/booking/stays/queries/listing">;
type Line = [title: string, told: string];

const PPM = 1_000_000;

/** What a guest who cancels gets back. */
export const POLICIES: Record<ListingFacts["cancellation"], Line> = {
  flexible: ["Flexible", "all goes back until 1 day before check-in, then half"],
  moderate: ["Moderate", "all goes back until 5 days before check-in, then half"],
  firm: ["Firm", "all goes back until 30 days before check-in, half until 7 days before, then nothing"],
  strict: ["Strict", "all goes back within 48 hours of booking, if check-in is 14 days off; half until 7 days before; then nothing"],
  non_refundable: ["Non-refundable", "nothing goes back"],
};

export function Facts({ facts, as }: { facts: ListingFacts; as: string }) {
  const [policy, refunds] = POLICIES[facts.cancellation];
  return (
    <dl class="stays-facts">
      <dt>Host</dt>
      <dd>
        {facts.host === as ? <a href={addressOf({ as, view: "hosting", listing: facts.listing })}>{facts.host}, which is you</a> : facts.host}
      </dd>
      <dt>Cancellation</dt>
      <dd>
        <strong>{policy}</strong>: {refunds}
      </dd>
      {linesOf(facts).map(([title, told]) => [<dt key={title}>{title}</dt>, <dd key={`${title} told`}>{told}</dd>])}
    </dl>
  );
}

function linesOf(facts: ListingFacts): Line[] {
  const lines: [string, string | false][] = [
    ["Arrival", `from ${timeOf(facts.check_in_minute)}${daysText(facts.arrival_weekdays)}`],
    ["Departure", `until ${timeOf(facts.check_out_minute)}${daysText(facts.departure_weekdays)}; its clock is ${clockText(facts.utc_offset_minutes)}`],
    ["Stays", lengthText(facts.minimum_nights, facts.maximum_nights) + (facts.fills_gaps ? "; shorter where one fills a gap to the night" : "")],
    ["Ahead", aheadText(facts)],
    ["Between stays", gapText(facts)],
    ["Nights", pricesText(facts)],
    ["Cheaper", discountsText(facts)],
  ];
  return lines.filter((line): line is Line => line[1] !== false && line[1] !== "");
}

/** 900 is 15:00. */
export function timeOf(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

function clockText(offset: number): string {
  return offset === 0 ? "UTC" : `UTC ${offset < 0 ? "−" : "+"} ${timeOf(Math.abs(offset))}`;
}

function daysText(weekdays: readonly number[]): string {
  return weekdays.length === 0 ? "" : `, on ${weekdays.map((day) => WEEKDAYS[day]).join(", ")} alone`;
}

function lengthText(least: number, most: number): string {
  return least === most ? nightsText(least) : `${least} to ${nightsText(most)}`;
}

function aheadText({ notice_days, window_days }: ListingFacts): string {
  const most = `at most ${window_days} days ahead`;
  return notice_days === 0 ? most : `${notice_days === 1 ? "a day" : `${notice_days} days`} at least, ${most}`;
}

function gapText({ preparation_nights, gap_nights_min }: ListingFacts): string {
  const told = [preparation_nights > 0 && `${nightsText(preparation_nights)} to prepare`, gap_nights_min > 1 && `no gap of fewer than ${nightsText(gap_nights_min)}`];
  return told.filter((each) => each !== false).join("; ");
}

function pricesText({ night_price, weekday_prices, seasons, currency }: ListingFacts): string {
  const days = weekday_prices.flatMap((price, day) => (price > 0 && price !== night_price ? [`${WEEKDAYS[day]} ${money(price, currency)}`] : []));
  const times = seasons.map(({ first_night, end_night, rate_ppm }) => `${percent(rate_ppm)} from ${longDay(dateOf(first_night))} to ${longDay(dateOf(end_night))}`);
  return [[money(night_price, currency), ...days].join(", "), ...times].join("; ");
}

function discountsText({ length_discounts, last_minute_discounts }: ListingFacts): string {
  const long = length_discounts.map(({ nights, discount_ppm }) => `${percent(discount_ppm)} from ${nightsText(nights)} on`);
  const late = last_minute_discounts.map(({ days, discount_ppm }) => `${percent(discount_ppm)} within ${days === 1 ? "a day" : `${days} days`} of arrival`);
  return [...long, ...late].join("; ");
}

function percent(ppm: number): string {
  return `${Number(((100 * ppm) / PPM).toFixed(2))} %`;
}

/** entire home in Albany, US, for up to 4 guests. */
export function aboutText({ room_type, city, country, capacity, mode }: ListingFacts): string {
  const where = [city, country].filter((each) => each !== "").join(", ");
  const what = [room_type, where].filter((each) => each !== "").join(" in ") || "A place to stay";
  return `${what}, for up to ${guestsText(capacity)}. ${mode === "instant" ? "Booked at once, when it is paid." : "The host answers each request."}`;
}
