/** What a host says of a listing: a new one, or one that there is. Of that, what has no field here
 * (seasons, discounts, days of arrival ...) stays as it was. */
import type { ComponentProps } from "preact";
import { useState } from "preact/hooks";
import type { Body } from "../../api/client";
import { Field, ProblemNote } from "../../parts/panel";
import { type ListingFacts, POLICIES, timeOf } from "./facts";
import { amountOf, typedOf } from "./money";
import { useSending } from "./sending";

type Created = Body<"/api/booking/stays/commands/create_listing">;
type Policy = ListingFacts["cancellation"];

/** As it is typed. */
interface Draft {
  title: string;
  room_type: string;
  capacity: string;
  /** One a line. */
  amenities: string;
  city: string;
  country: string;
  latitude: string;
  longitude: string;
  currency: string;
  night_price: string;
  least: string;
  most: string;
  mode: ListingFacts["mode"];
  cancellation: Policy;
  check_in: string;
  check_out: string;
  /** Hours ahead of UTC. */
  ahead: string;
  open: boolean;
}

const MICRO = 1_000_000;
const NEW: Draft = {
  title: "",
  room_type: "entire home",
  capacity: "2",
  amenities: "",
  city: "",
  country: "",
  latitude: "",
  longitude: "",
  currency: "USD",
  night_price: "",
  least: "1",
  most: "30",
  mode: "instant",
  cancellation: "flexible",
  check_in: "15:00",
  check_out: "11:00",
  ahead: String(-new Date().getTimezoneOffset() / 60),
  open: true,
};
const SHOWN = ["listing", "title", "room_type", "capacity", "amenities", "place", "currency", "prices", "rules", "terms"];

function draftOf(facts: ListingFacts): Draft {
  const { title, room_type, city, country, currency, mode, cancellation } = facts;
  return {
    ...{ title, room_type, city, country, currency, mode, cancellation },
    capacity: String(facts.capacity),
    amenities: facts.amenities.join("\n"),
    latitude: String(facts.latitude_microdegrees / MICRO),
    longitude: String(facts.longitude_microdegrees / MICRO),
    night_price: typedOf(facts.night_price, currency),
    least: String(facts.minimum_nights),
    most: String(facts.maximum_nights),
    check_in: timeOf(facts.check_in_minute),
    check_out: timeOf(facts.check_out_minute),
    ahead: String(facts.utc_offset_minutes / 60),
    open: facts.is_open,
  };
}

/** 15:00 is 900. */
function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return 60 * hours + minutes;
}

const micro = (degrees: string) => Math.round(Number(degrees) * MICRO);

/** What stands in commands, of what is typed and what was there before. */
function said(draft: Draft, night_price: number, facts: ListingFacts | null): Omit<Created, "listing" | "host" | "currency"> {
  const { title, room_type, city, country, mode, cancellation } = draft;
  const times = { check_in_minute: minuteOf(draft.check_in), check_out_minute: minuteOf(draft.check_out), utc_offset_minutes: Math.round(60 * Number(draft.ahead)) };
  const lengths = { minimum_nights: Number(draft.least), maximum_nights: Number(draft.most) };
  const names = draft.amenities.split("\n").map((name) => name.trim());
  return {
    title: title.trim(),
    room_type: room_type.trim(),
    capacity: Number(draft.capacity),
    amenities: names.filter((name) => name !== ""),
    place: { city: city.trim(), country: country.trim(), latitude_microdegrees: micro(draft.latitude), longitude_microdegrees: micro(draft.longitude) },
    prices: { ...(facts === null ? {} : pricesOf(facts)), night_price },
    rules: { ...(facts === null ? {} : rulesOf(facts)), ...lengths },
    terms: { ...(facts === null ? {} : { hold_ms: facts.hold_ms, response_ms: facts.response_ms }), ...times, mode, cancellation },
  };
}

function pricesOf({ weekday_prices, seasons, length_discounts, last_minute_discounts }: ListingFacts) {
  return { weekday_prices, seasons, length_discounts, last_minute_discounts };
}

function rulesOf({ notice_days, window_days, arrival_weekdays, departure_weekdays, preparation_nights, gap_nights_min, fills_gaps }: ListingFacts) {
  return { notice_days, window_days, arrival_weekdays, departure_weekdays, preparation_nights, gap_nights_min, fills_gaps };
}

/** "The loft" is the-loft. */
function idOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
}

interface ListingFormGiven {
  as: string;
  /** Of a listing that there is; null: a new one. */
  facts: ListingFacts | null;
  onDone: (listing: string) => void;
}

export function ListingForm({ as, facts, onDone }: ListingFormGiven) {
  const [draft, setDraft] = useState<Draft>(() => (facts === null ? NEW : draftOf(facts)));
  const [id, setId] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const sending = useSending();
  const listing = facts?.listing ?? id ?? idOf(draft.title);
  function set(change: Partial<Draft>): void {
    setDraft({ ...draft, ...change });
    sending.clear();
  }

  async function send(): Promise<void> {
    const price = amountOf(draft.night_price, draft.currency);
    setWrong(price === null ? `an amount of ${draft.currency}, such as 120` : undefined);
    if (price === null) return;
    const body = { listing, host: as, ...said(draft, price, facts) };
    const done =
      facts === null
        ? await sending.go("/api/booking/stays/commands/create_listing", { ...body, currency: draft.currency })
        : await sending.go("/api/booking/stays/commands/change_listing", { ...body, open: draft.open });
    if (done) onDone(listing);
  }

  const text = (label: string, name: TextName, more: TextMore = {}) => (
    <Field label={label} error={more.error} {...(more.hint === undefined ? {} : { hint: more.hint })}>
      {(given) => <input {...given} {...more.input} value={draft[name]} onInput={(event) => set({ [name]: event.currentTarget.value })} />}
    </Field>
  );
  const number = { type: "number", required: true } as const;

  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="stays-when">
        {text("Title", "title", { error: sending.errorOf("title"), input: { required: true } })}
        <Field label="Id" error={sending.errorOf("listing")} hint="it stays">
          {(given) => (
            <input
              {...given}
              required
              maxLength={100}
              disabled={facts !== null}
              value={listing}
              onInput={(event) => {
                setId(event.currentTarget.value);
                sending.clear();
              }}
            />
          )}
        </Field>
        {text("Kind of room", "room_type", { error: sending.errorOf("room_type") })}
        {text("Guests at most", "capacity", { error: sending.errorOf("capacity"), input: { ...number, min: 1 } })}
        {text("City", "city")}
        {text("Country", "country", { hint: "two letters, such as US", input: { maxLength: 2 } })}
        {text("Latitude", "latitude", { error: sending.errorOf("place"), hint: "degrees, north is more", input: { ...number, step: "any", min: -90, max: 90 } })}
        {text("Longitude", "longitude", { hint: "degrees, east is more", input: { ...number, step: "any", min: -180, max: 180 } })}
      </div>
      <Field label="Amenities" error={sending.errorOf("amenities")} hint="one a line">
        {(given) => <textarea {...given} rows={2} value={draft.amenities} onInput={(event) => set({ amenities: event.currentTarget.value })} />}
      </Field>
      <div class="stays-when">
        {text(`Price a night, ${draft.currency}`, "night_price", { error: wrong ?? sending.errorOf("prices"), input: { required: true, inputMode: "decimal" } })}
        {text("Currency", "currency", { error: sending.errorOf("currency"), hint: "it stays", input: { required: true, maxLength: 3, disabled: facts !== null } })}
        {text("Nights at least", "least", { error: sending.errorOf("rules"), input: { ...number, min: 1 } })}
        {text("Nights at most", "most", { input: { ...number, min: 1 } })}
        <Field label="Booked">
          {(given) => (
            <select {...given} value={draft.mode} onChange={(event) => set({ mode: event.currentTarget.value as Draft["mode"] })}>
              <option value="instant">at once, when it is paid</option>
              <option value="request">when you accept</option>
            </select>
          )}
        </Field>
        <Field label="Cancellation" hint={POLICIES[draft.cancellation][1]}>
          {(given) => (
            <select {...given} value={draft.cancellation} onChange={(event) => set({ cancellation: event.currentTarget.value as Policy })}>
              {Object.entries(POLICIES).map(([name, [title]]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          )}
        </Field>
        {text("Check-in from", "check_in", { error: sending.errorOf("terms"), input: { type: "time", required: true } })}
        {text("Check-out until", "check_out", { input: { type: "time", required: true } })}
        {text("Hours ahead of UTC", "ahead", { input: { ...number, step: "any", min: -24, max: 24 } })}
      </div>
      {facts !== null && (
        <label class="row">
          <input type="checkbox" checked={draft.open} onChange={(event) => set({ open: event.currentTarget.checked })} />
          Takes bookings
        </label>
      )}
      <ProblemNote problem={sending.elsewhere(...SHOWN)} />
      <button class="primary" disabled={sending.busy}>
        {facts === null ? "Offer it" : "Change it"}
      </button>
    </form>
  );
}

type TextName = { [Name in keyof Draft]: Draft[Name] extends string ? (string extends Draft[Name] ? Name : never) : never }[keyof Draft];

interface TextMore {
  error?: string | undefined;
  hint?: string;
  input?: ComponentProps<"input">;
}
