/** A guest's bookings, live: those to come, and those that are over. */
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { words } from "../../parts/format";
import { Badge, Empty, Panel, ProblemNote } from "../../parts/panel";
import { Cancel } from "./cancel";
import { guestsText, nightsBetween, nightsText, shortDay } from "./days";
import { money } from "./money";
import { addressOf } from "./place";
import { ReviewForm } from "./review";
import { TONES } from "./stages";

export type Trip = Rows<"/api/booking/stays/queries/trips">[number];

const RUNNING = ["held", "requested", "confirmed", "staying"];
const LENGTH = 200;

export function useTrips(as: string): readonly Trip[] {
  const { value } = useLive("/api/booking/stays/queries/trips", as === "" ? null : { guest: as, limit: LENGTH });
  return value ?? [];
}

export function Trips({ as }: { as: string }) {
  const { value, problem } = useLive("/api/booking/stays/queries/trips", { guest: as, limit: LENGTH });
  const rows = value ?? [];
  const running = rows.filter((trip) => RUNNING.includes(trip.status)).reverse();
  const over = rows.filter((trip) => !RUNNING.includes(trip.status));
  return (
    <div class="stays-two">
      <Panel title="To come" flush>
        <ProblemNote problem={problem} />
        <ul class="stays-rows">
          {running.map((trip) => (
            <Row key={`${trip.listing}/${trip.booking}`} trip={{ ...trip }} as={as} />
          ))}
        </ul>
        {value !== null && running.length === 0 && (
          <Empty>
            No trip is planned. <a href={addressOf({ as })}>Look for a place</a>
          </Empty>
        )}
      </Panel>
      <Panel title="Before" flush>
        <ul class="stays-rows">
          {over.map((trip) => (
            <Row key={`${trip.listing}/${trip.booking}`} trip={{ ...trip }} as={as} />
          ))}
        </ul>
        {value !== null && over.length === 0 && <Empty>Nothing yet.</Empty>}
      </Panel>
    </div>
  );
}

function Row({ trip, as }: { trip: Trip; as: string }) {
  const canCancel = ["requested", "confirmed", "staying"].includes(trip.status);
  return (
    <li class="stays-trip" aria-label={`${trip.title || trip.listing}, ${trip.status}`}>
      <a href={addressOf({ as, view: "booking", listing: trip.listing, booking: trip.booking })}>
        <strong>{trip.title || trip.listing}</strong>
        <span class="small">
          {shortDay(trip.arrival)} – {shortDay(trip.departure)}
        </span>
        <span class="small muted">
          {[nightsText(nightsBetween(trip.arrival, trip.departure)), guestsText(trip.guests), trip.city].filter((each) => each !== "").join(" · ")}
        </span>
      </a>
      <span class="stays-price">
        <Badge tone={TONES[trip.status]}>{trip.status}</Badge>
        <strong>{money(trip.total, trip.currency)}</strong>
        {trip.reason !== "" && <span class="small muted">{words(trip.reason)}</span>}
      </span>
      {trip.status === "held" && (
        <p class="stays-wide">
          <a href={addressOf({ as, view: "booking", listing: trip.listing, booking: trip.booking })}>Pay, before the hold runs out</a>
        </p>
      )}
      {canCancel && (
        <div class="stays-wide">
          <Cancel booking={trip} as={as} />
        </div>
      )}
      {trip.status === "completed" && (
        <details class="stays-wide">
          <summary>Write a review</summary>
          <ReviewForm listing={trip.listing} booking={trip.booking} as={as} />
        </details>
      )}
    </li>
  );
}
