/** A listing's nights, two months at a time: what is free and for how much, what is taken. A stay
 * is chosen by two clicks, or by arrow keys and Enter. */
import { useRef, useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { ProblemNote } from "../../parts/panel";
import { dateOf, dayAfter, dayOf, longDay, monthAfter, monthName, monthOf, WEEKDAYS, weekdayOf } from "./days";
import { money, roundMoney } from "./money";

export type Night = Rows<"/api/booking/stays/queries/calendar">[number];

export interface Chosen {
  /** Days, or empty. */
  arrival: string;
  departure: string;
}

interface CalendarGiven {
  listing: string;
  currency: string;
  /** What day it is where the listing is. */
  today: string;
  chosen: Chosen;
  onChoose: (chosen: Chosen) => void;
  /** What a night of a booking is called, where that is known. */
  nameOf?: (booking: string) => "yours" | "held for you" | undefined;
  /** A host chooses nights whoever has them; a guest only those that are free. */
  byHost?: boolean;
}

const MONTHS = 2;

/** The end of the free nights from an arrival on: the last day to leave. */
function freeUntil(nights: ReadonlyMap<string, Night>, arrival: string): string {
  let day = arrival;
  while (nights.get(day)?.state === "free") day = dayAfter(day);
  return day;
}

export function Calendar(given: CalendarGiven) {
  const { listing, currency, today, chosen, byHost = false } = given;
  const [month, setMonth] = useState(monthOf(chosen.arrival || today));
  const end = monthAfter(month, MONTHS);
  const { value, problem } = useLive("/api/booking/stays/queries/calendar", { listing, first: month, days: dayOf(end) - dayOf(month) });
  const nights = new Map((value ?? []).map((night) => [night.night, night]));
  const [focus, setFocus] = useState(chosen.arrival || today);
  const [over, setOver] = useState("");
  const frame = useRef<HTMLDivElement>(null);

  const { arrival, departure } = chosen;
  const isLeaving = arrival !== "" && departure === "";
  const lastDay = isLeaving && !byHost ? freeUntil(nights, arrival) : "";
  const shownEnd = departure || (isLeaving && over > arrival ? over : "");

  function canBe(day: string): boolean {
    if (day < today) return false;
    if (isLeaving && day > arrival) return byHost || day <= lastDay;
    return byHost || nights.get(day)?.state === "free";
  }

  function choose(day: string): void {
    setFocus(day);
    if (!canBe(day)) return;
    if (isLeaving && day > arrival) given.onChoose({ arrival, departure: day });
    else given.onChoose({ arrival: day, departure: "" });
  }

  function show(day: string): void {
    if (day < today) return;
    setFocus(day);
    setOver(day);
    if (day < month) setMonth(monthOf(day));
    else if (day >= end) setMonth(monthAfter(monthOf(day), 1 - MONTHS));
    const button = () => frame.current?.querySelector<HTMLElement>(`[data-day="${day}"]`);
    // At once where it is on the page: the next key may come before the next frame.
    if (button()) button()?.focus();
    else requestAnimationFrame(() => button()?.focus());
  }

  function press(event: KeyboardEvent, day: string): void {
    const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7, Home: -weekdayOf(day), End: 6 - weekdayOf(day) }[event.key];
    const months = { PageUp: -1, PageDown: 1 }[event.key];
    if (days === undefined && months === undefined) return;
    event.preventDefault();
    show(days === undefined ? monthAfter(monthOf(day), months) : dayAfter(day, days));
  }

  const first = month <= focus && focus < end ? focus : month;
  return (
    <div ref={frame} class="stays-calendar" onPointerLeave={() => setOver("")}>
      <div class="row">
        <button type="button" class="quiet" aria-label="Earlier" disabled={month <= monthOf(today)} onClick={() => setMonth(monthAfter(month, -1))}>
          ‹
        </button>
        <span class="small muted stays-calendar-told" role="status">
          {told(chosen, byHost)}
        </span>
        {arrival !== "" && (
          <button type="button" class="quiet end" onClick={() => given.onChoose({ arrival: "", departure: "" })}>
            Clear
          </button>
        )}
        <button type="button" class={`quiet ${arrival === "" ? "end" : ""}`} aria-label="Later" onClick={() => setMonth(monthAfter(month))}>
          ›
        </button>
      </div>
      <ProblemNote problem={problem} />
      <div class="stays-months">
        {Array.from({ length: MONTHS }, (_, index) => monthAfter(month, index)).map((each) => (
          <table key={each} role="grid" aria-label={monthName(each)}>
            <caption>{monthName(each)}</caption>
            <thead>
              <tr>
                {WEEKDAYS.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {weeksOf(each).map((week, row) => (
                <tr key={row}>
                  {week.map((day, column) => {
                    if (day === "") return <td key={column} />;
                    const night = nights.get(day);
                    const state = day < today ? "past" : stateOf(night, given.nameOf);
                    const within = arrival !== "" && shownEnd !== "" && arrival < day && day < shownEnd;
                    const at = day === arrival ? "start" : day === shownEnd ? "end" : within ? "within" : undefined;
                    return (
                      <td key={column} data-at={at} aria-selected={at !== undefined}>
                        <button
                          type="button"
                          data-day={day}
                          data-state={state}
                          tabIndex={day === first ? 0 : -1}
                          aria-disabled={!canBe(day)}
                          aria-label={`${longDay(day)}: ${describe(night, state, currency, byHost)}`}
                          onClick={() => choose(day)}
                          onKeyDown={(event) => press(event, day)}
                          onPointerEnter={() => setOver(day)}
                          onFocus={() => setFocus(day)}
                        >
                          <span>{Number(day.slice(8))}</span>
                          <small>{priceOf(night, state, currency, byHost)}</small>
                        </button>
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        ))}
      </div>
      <p class="stays-legend small muted">
        <span data-state="free">free, a night's price</span>
        <span data-state="booked">taken</span>
        {byHost ? <span data-state="blocked">blocked</span> : <span data-state="yours">yours</span>}
      </p>
    </div>
  );
}

function told({ arrival, departure }: Chosen, byHost: boolean): string {
  if (arrival === "") return byHost ? "Choose the first night" : "Choose the day you arrive";
  if (departure === "") return byHost ? `From ${longDay(arrival)}: choose the day it ends` : `Arrive ${longDay(arrival)}: choose the day you leave`;
  const nights = dayOf(departure) - dayOf(arrival);
  return `${longDay(arrival)} – ${longDay(departure)}: ${nights} ${nights === 1 ? "night" : "nights"}`;
}

type State = "past" | "unknown" | "free" | "blocked" | "booked" | "yours" | "held for you";

function stateOf(night: Night | undefined, nameOf: CalendarGiven["nameOf"]): State {
  if (night === undefined) return "unknown";
  if (night.state === "booked") return nameOf?.(night.booking) ?? "booked";
  return night.state === "blocked" ? "blocked" : "free";
}

function describe(night: Night | undefined, state: State, currency: string, byHost: boolean): string {
  if (night === undefined || state === "unknown" || state === "past") return state;
  if (state === "blocked" && !byHost) return "taken";
  if (state !== "free") return state === "booked" ? (byHost ? `booked by ${night.booking}` : "taken") : state;
  const least = night.minimum_nights > 1 ? `, at least ${night.minimum_nights} nights` : "";
  return `free, ${money(night.price, currency)}${least}`;
}

function priceOf(night: Night | undefined, state: State, currency: string, byHost: boolean): string {
  if (night === undefined || state === "past") return "";
  if (state === "free" || byHost) return roundMoney(night.price, currency);
  return "";
}

/** The weeks of a month, Monday first; empty where the day is of another month. */
function weeksOf(month: string): string[][] {
  const first = dayOf(month);
  const end = dayOf(monthAfter(month));
  const weeks: string[][] = [];
  for (let monday = first - weekdayOf(month); monday < end; monday += 7) {
    weeks.push(Array.from({ length: 7 }, (_, index) => (monday + index < first || monday + index >= end ? "" : dateOf(monday + index))));
  }
  return weeks;
}
