/** A booking from its hold to its end, live: the countdown, the payment, what became of it. */
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { clock, date, span, words } from "../../parts/format";
import { Badge, Empty, Figure, Note, Panel, ProblemNote } from "../../parts/panel";
import { Cancel } from "./cancel";
import { CARD, Card } from "./card";
import { Change } from "./change";
import { dateOf, guestsText, longDay, nightsText } from "./days";
import { money } from "./money";
import { addressOf, type Go, type Place } from "./place";
import { ReviewForm } from "./review";
import { useSending } from "./sending";
import { useServerNow } from "./server_clock";
import { CANCELLED, RELEASED, TONES, UNCHANGED } from "./stages";
import { Stars } from "./stars";

export type Booked = NonNullable<Rows<"/api/booking/stays/queries/booking">>;

/** Bookings whose payment is under way: what was sent, and has no outcome yet. */
const paying = signal<ReadonlySet<string>>(new Set());

export function Booking({ place, go }: { place: Place; go: Go }) {
  const { as, listing, booking: name } = place;
  const { value, problem, applied } = useLive("/api/booking/stays/queries/booking", { listing, booking: name });
  if (value === null) {
    return (
      <Panel title={`Booking ${name}`}>
        <ProblemNote problem={problem} />
        {problem === null && Object.keys(applied).length > 0 && <Empty>There is no such booking.</Empty>}
      </Panel>
    );
  }
  // A copy: what is below looks at signals too, and is drawn anew for another booking alone.
  const booking = { ...value };
  const nights = booking.departure - booking.arrival;
  return (
    <div class="stays-two">
      <Panel title={`Booking of ${listing}`} tools={<Badge tone={TONES[booking.status]}>{booking.status}</Badge>}>
        <div class="stack">
          <p>
            <strong>{longDay(dateOf(booking.arrival))}</strong> to <strong>{longDay(dateOf(booking.departure))}</strong>
            <br />
            <span class="muted">
              {nightsText(nights)}, {guestsText(booking.guests)}, {booking.guest}
            </span>
          </p>
          <div class="stays-figures">
            <Figure label="total">{money(booking.total, booking.currency)}</Figure>
            <Figure label="paid">{money(booking.paid, booking.currency)}</Figure>
            {booking.status === "cancelled" && <Figure label="kept by the host">{money(booking.kept, booking.currency)}</Figure>}
          </div>
          <p class="row small">
            <a href={addressOf({ as, view: "listing", listing })}>The listing</a>
            <a href={addressOf({ as, view: "trips" })}>Your trips</a>
          </p>
        </div>
      </Panel>
      <Panel title="Where it stands">
        <div class="stack" aria-live="polite">
          <Stage booking={booking} place={place} go={go} />
        </div>
      </Panel>
    </div>
  );
}

function Stage({ booking, place, go }: { booking: Booked; place: Place; go: Go }) {
  const isGuest = place.as === booking.guest;
  const key = `${booking.listing}/${booking.booking}`;
  // Another booking as soon as it is changed: the form begins anew.
  const change = isGuest && booking.change_departure === 0 && <Change key={`${booking.arrival} ${booking.departure} ${booking.guests} ${booking.change_reason}`} booking={booking} />;
  const again = { view: "listing" as const, listing: booking.listing, booking: "", guests: booking.guests };
  switch (booking.status) {
    case "held":
      return (
        <>
          <Countdown booking={booking} />
          {isGuest && (paying.value.has(key) ? <Waiting /> : <Pay booking={booking} />)}
          {!paying.value.has(key) && change}
        </>
      );
    case "requested":
      return (
        <>
          <Note tone="information">Paid for, as far as it needs to be: now the host is asked.</Note>
          <Due booking={booking} title="The host answers within" />
          {isGuest && <Cancel booking={booking} as={place.as} />}
        </>
      );
    case "confirmed":
    case "staying":
      return (
        <>
          <Note tone="buy">{booking.status === "staying" ? "The stay has begun." : "It is confirmed: the nights are yours."}</Note>
          {booking.change_departure > 0 && <Note tone="warning">A change to {longDay(dateOf(booking.change_arrival))} – {longDay(dateOf(booking.change_departure))} is under way.</Note>}
          {booking.change_reason !== "" && <Note tone="danger">The booking stays as it was: {UNCHANGED[booking.change_reason] ?? words(booking.change_reason)}.</Note>}
          {booking.status === "confirmed" && <Due booking={booking} title="Check-in is in" />}
          {booking.status === "confirmed" && change}
          {(isGuest || place.as === booking.host) && <Cancel booking={booking} as={place.as} />}
        </>
      );
    case "completed":
      return (
        <>
          <Note>The stay is over.</Note>
          {booking.guest_stars > 0 && (
            <p>
              <Stars count={booking.guest_stars} /> {booking.guest_text} <span class="small muted">of the guest</span>
            </p>
          )}
          {booking.host_stars > 0 && (
            <p>
              <Stars count={booking.host_stars} /> {booking.host_text} <span class="small muted">of the host</span>
            </p>
          )}
          {(isGuest || place.as === booking.host) && booking.guest_stars + booking.host_stars === 0 && <ReviewForm listing={booking.listing} booking={booking.booking} as={place.as} />}
        </>
      );
    default:
      return (
        <>
          <Note tone={booking.status === "released" ? "danger" : "warning"}>
            {RELEASED[booking.reason] ?? CANCELLED[booking.reason] ?? `It came to nothing: ${words(booking.reason)}.`}
          </Note>
          {booking.payment_stuck && <Note tone="danger">Money could not be moved: the operator has to look.</Note>}
          {isGuest && (
            <button type="button" class="primary" onClick={() => go({ ...again, arrival: dateOf(booking.arrival), departure: dateOf(booking.departure) })}>
              {booking.reason === "payment_declined" ? "Try again with another card" : "Look for these nights again"}
            </button>
          )}
        </>
      );
  }
}

/** A minute or a quarter of an hour to pay: by the server's clock, which decides. */
function Countdown({ booking }: { booking: Booked }) {
  const now_ms = useServerNow();
  const end_ms = booking.due_at_ms ?? now_ms;
  const left_ms = Math.max(0, end_ms - now_ms);
  const whole_ms = Math.max(1, end_ms - booking.booked_at_ms);
  const part = Math.min(1, left_ms / whole_ms);
  return (
    <div class="stays-countdown" data-late={left_ms < 60_000}>
      <p>
        <span class="muted">Held for you</span>
        <strong role="timer">{left_ms === 0 ? "0:00" : timeLeft(left_ms)}</strong>
      </p>
      <div class="stays-left" aria-hidden="true">
        <span style={{ width: `${(100 * part).toFixed(2)}%` }} />
      </div>
      <p class="small muted">
        until {clock(end_ms)}
        {left_ms > 86_400_000 && `, ${date(end_ms)}`}; then the nights are free again
      </p>
    </div>
  );
}

function timeLeft(left_ms: number): string {
  const seconds = Math.ceil(left_ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function Due({ booking, title }: { booking: Booked; title: string }) {
  const now_ms = useServerNow();
  if (booking.due_at_ms === null) return null;
  return (
    <p class="muted">
      {title} {span(booking.due_at_ms - now_ms)}: {date(booking.due_at_ms)}, {clock(booking.due_at_ms)}
    </p>
  );
}

function Waiting() {
  return (
    <p class="stays-waiting" role="status">
      <span class="stays-turning" aria-hidden="true" /> The payment provider is asked…
    </p>
  );
}

function Pay({ booking }: { booking: Booked }) {
  const [method, setMethod] = useState(CARD);
  const sending = useSending();
  const { listing, booking: name, guest } = booking;
  async function pay(): Promise<void> {
    const sent = await sending.go("/api/booking/stays/commands/pay_booking", { listing, booking: name, guest, method });
    if (sent) paying.value = new Set([...paying.value, `${listing}/${name}`]);
  }
  return (
    <>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void pay();
        }}
      >
        <Card method={method} onChoose={setMethod} error={sending.errorOf("method")} hint="a test card of the simulated provider" />
        <ProblemNote problem={sending.elsewhere("method")} />
        <button class="primary" disabled={sending.busy}>
          Pay {money(booking.total, booking.currency)}
        </button>
      </form>
      <Cancel booking={booking} as={guest} />
    </>
  );
}
