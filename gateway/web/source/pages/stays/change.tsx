/** Other nights for a booking, or other guests: at today's prices, and what they cost beyond what is
 * paid for already is authorized first. Until then the booking keeps what it has. */
import { useState } from "preact/hooks";
import { useLive } from "../../api/live";
import { Field, ProblemNote } from "../../parts/panel";
import type { Booked } from "./booking";
import { CARD, Card } from "./card";
import { dateOf, dayAfter, dayOf, isDate, nightsText } from "./days";
import { money } from "./money";
import { Price } from "./offer";
import { useSending } from "./sending";

const SHOWN = ["arrival", "departure", "guests", "method"];

export function Change({ booking }: { booking: Booked }) {
  const [asked, setAsked] = useState(false);
  return asked ? (
    <Form booking={booking} onClose={() => setAsked(false)} />
  ) : (
    <div class="row stays-cancel">
      <button type="button" class="quiet" onClick={() => setAsked(true)}>
        Change nights or guests…
      </button>
    </div>
  );
}

function Form({ booking, onClose }: { booking: Booked; onClose: () => void }) {
  const { listing, booking: name, guest, currency } = booking;
  const [wish, setWish] = useState({ arrival: dateOf(booking.arrival), departure: dateOf(booking.departure), guests: String(booking.guests), method: CARD });
  const { arrival, departure, method } = wish;
  const guests = Number(wish.guests);
  const sending = useSending();
  const isStay = isDate(arrival) && isDate(departure) && arrival < departure;
  // What the nights cost; whether they are free is the rules' to say, as some may be its own.
  const { value: told, problem } = useLive("/api/booking/stays/queries/offer", isStay ? { listing, arrival, departure } : null);
  const isSame = isStay && dayOf(arrival) === booking.arrival && dayOf(departure) === booking.departure && guests === booking.guests;

  function set(change: Partial<typeof wish>): void {
    setWish({ ...wish, ...change });
    sending.clear(); // that was about another wish
  }

  function arrive(day: string): void {
    const isAfter = isDate(day) && day >= departure;
    set(isAfter ? { arrival: day, departure: dayAfter(day, booking.departure - booking.arrival) } : { arrival: day });
  }

  async function change(): Promise<void> {
    const stay = { arrival: dayOf(arrival), departure: dayOf(departure), guests };
    await sending.go("/api/booking/stays/commands/modify_booking", { listing, booking: name, guest, ...stay, total_max: told?.total ?? 0, method });
  }

  return (
    <form
      class="stack"
      aria-label="Change the booking"
      onSubmit={(event) => {
        event.preventDefault();
        void change();
      }}
    >
      <div class="stays-when">
        <Field label="Arrive" error={sending.errorOf("arrival")}>
          {(given) => <input {...given} type="date" required value={arrival} onChange={(event) => arrive(event.currentTarget.value)} />}
        </Field>
        <Field label="Leave" error={sending.errorOf("departure")}>
          {(given) => <input {...given} type="date" required value={departure} min={isDate(arrival) ? dayAfter(arrival) : undefined} onChange={(event) => set({ departure: event.currentTarget.value })} />}
        </Field>
        <Field label="Guests" error={sending.errorOf("guests")}>
          {(given) => <input {...given} type="number" min={1} required value={wish.guests} onInput={(event) => set({ guests: event.currentTarget.value })} />}
        </Field>
        {booking.status !== "held" && (
          <Card method={method} onChoose={(chosen) => set({ method: chosen })} error={sending.errorOf("method")} />
        )}
      </div>
      <ProblemNote problem={problem} />
      {told !== null && <Price told={told} />}
      <p class="small muted">
        In place of {nightsText(booking.departure - booking.arrival)} for {money(booking.total, currency)}, which stay yours until the change is sure.
      </p>
      <ProblemNote problem={sending.elsewhere(...SHOWN)} />
      <div class="row">
        <button class="primary" disabled={told === null || isSame || sending.busy}>
          Change the booking
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          Leave it as it is
        </button>
      </div>
    </form>
  );
}
