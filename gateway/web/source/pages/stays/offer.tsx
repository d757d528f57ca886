/** What a stay costs, taken apart, and the holding of its nights. */
import { useRef, useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { Field, Note, Panel, ProblemNote } from "../../parts/panel";
import { dayOf, guestsText, longDay, nightsBetween, nightsText, withDates } from "./days";
import { money } from "./money";
import type { Go, Place } from "./place";
import { useSending } from "./sending";

type Told = Rows<"/api/booking/stays/queries/offer">;

interface OfferGiven {
  place: Place;
  go: Go;
  /** Guests at most; 0: not known. */
  capacity: number;
  mode: string;
  onWho: () => void;
}

/** An id of the guest's own for a booking: new with every other wish. */
function useBookingId(wish: string): string {
  const made = useRef({ wish: "", id: "" });
  if (made.current.wish !== wish) made.current = { wish, id: `b-${crypto.randomUUID().slice(0, 13)}` };
  return made.current.id;
}

export function Offer({ place, go, capacity, mode, onWho }: OfferGiven) {
  const { as, listing, arrival, departure } = place;
  const guests = place.guests || 1;
  const [typed, setTyped] = useState(String(guests));
  const hasStay = arrival !== "" && departure !== "";
  const { value, problem } = useLive("/api/booking/stays/queries/offer", hasStay ? { listing, arrival, departure } : null);
  const sending = useSending();
  const total_max = value?.total ?? 0;
  const booking = useBookingId(`${as} ${arrival} ${departure} ${guests} ${total_max}`);

  /** With every key, so that Enter means what is seen. */
  function come(count: string): void {
    setTyped(count);
    if (Number.isInteger(Number(count)) && Number(count) >= 1) go({ guests: Number(count) }, true);
  }

  async function hold(): Promise<void> {
    const stay = { arrival: dayOf(arrival), departure: dayOf(departure) };
    const held = await sending.go("/api/booking/stays/commands/hold_nights", { listing, booking, guest: as, ...stay, guests, total_max });
    if (held) go({ view: "booking", booking });
  }

  return (
    <Panel title="Your stay">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (as === "") onWho();
          else void hold();
        }}
      >
        {hasStay ? (
          <p>
            <strong>{longDay(arrival)}</strong> to <strong>{longDay(departure)}</strong>
            <br />
            <span class="muted">{nightsText(nightsBetween(arrival, departure))}</span>
          </p>
        ) : (
          <p class="muted">Choose {arrival === "" ? "when you arrive and leave" : "the day you leave"} in the calendar.</p>
        )}
        <Field label="Guests" error={sending.errorOf("guests")} hint={capacity > 0 ? `at most ${guestsText(capacity)}` : ""}>
          {(given) => <input {...given} type="number" min={1} max={99} required value={typed} onInput={(event) => come(event.currentTarget.value)} />}
        </Field>
        <ProblemNote problem={problem} />
        {hasStay && value !== null && <Price told={value} />}
        {hasStay && value !== null && !value.can_be_had && <Note tone="warning">It cannot be had: {withDates(value.reason)}.</Note>}
        {sending.problem?.code === "nights_taken" && <Note tone="danger">Somebody was faster: these nights have just been taken. Others may be free.</Note>}
        <ProblemNote problem={sending.elsewhere("guests")} />
        <button class="primary" disabled={!hasStay || sending.busy || (as !== "" && value?.can_be_had !== true)}>
          {as === "" ? "Say who you are" : "Hold these nights"}
        </button>
        {value?.can_be_had === true && (
          <p class="small muted">They are kept for you while you pay. {mode === "request" && "Then the host is asked; nothing is taken before the answer."}</p>
        )}
      </form>
    </Panel>
  );
}

/** Nights of one price after one another, as a line. */
function grouped(prices: readonly number[]): [number, number][] {
  const groups: [number, number][] = [];
  for (const price of prices) {
    const last = groups.at(-1);
    if (last !== undefined && last[1] === price) last[0] += 1;
    else groups.push([1, price]);
  }
  return groups;
}

export function Price({ told }: { told: Told }) {
  const { currency } = told;
  const discounts: [string, number][] = [
    ["for the length of the stay", told.length_discount],
    ["for the last minute", told.last_minute_discount],
  ];
  return (
    <table class="stays-sum" aria-label="What it costs">
      <tbody>
        {grouped(told.night_prices).map(([count, price], index) => (
          <tr key={index}>
            <th scope="row">
              {nightsText(count)} at {money(price, currency)}
            </th>
            <td>{money(count * price, currency)}</td>
          </tr>
        ))}
        {discounts.map(
          ([title, amount]) =>
            amount > 0 && (
              <tr key={title} class="buy">
                <th scope="row">{title}</th>
                <td>−{money(amount, currency)}</td>
              </tr>
            ),
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td>{money(told.total, currency)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
