/** One listing: what it is, its calendar, what a stay costs, and the way to hold its nights. */
import { useLive } from "../../api/live";
import { whole } from "../../parts/format";
import { Badge, Empty, Figure, Note, Panel, ProblemNote } from "../../parts/panel";
import { Calendar } from "./calendar";
import { longDay } from "./days";
import { aboutText, Facts } from "./facts";
import { Offer } from "./offer";
import { addressOf, type Go, type Place } from "./place";
import { Rank, Stars } from "./stars";
import { useTrips } from "./trips";
import { Wish } from "./wishes";

export function Listing({ place, go, onWho }: { place: Place; go: Go; onWho: () => void }) {
  const { as, listing } = place;
  const { value: facts, problem } = useLive("/api/booking/stays/queries/listing", { listing });
  const { value: free } = useLive("/api/booking/stays/queries/availability", { listing });
  const trips = useTrips(as);
  if (problem !== null) {
    return (
      <Panel title={listing}>
        <ProblemNote problem={problem} />
        <p>
          <a href={addressOf({ ...place, view: "search", listing: "" })}>Back to the search</a>
        </p>
      </Panel>
    );
  }
  const title = facts?.title || listing;
  const currency = facts?.currency ?? "";
  const mine = (booking: string) => {
    const trip = trips.find((each) => each.listing === listing && each.booking === booking);
    if (trip === undefined) return undefined;
    return trip.status === "held" ? ("held for you" as const) : ("yours" as const);
  };
  return (
    <div class="stays-listing">
      <div class="stack">
        <Panel title={title} tools={<Wish as={as} listing={listing} title={title} />}>
          <div class="stack">
            <p>
              <a class="small" href={addressOf({ ...place, view: "search", listing: "" })}>
                ‹ Back to the search
              </a>
            </p>
            {facts !== null && (
              <>
                {!facts.is_open && <Note tone="warning">It is closed: it takes no bookings now.</Note>}
                <p class="stays-about">{aboutText(facts)}</p>
                <p class="muted small">
                  <Rank row={facts} /> · {position(facts.latitude_microdegrees, "N", "S")}, {position(facts.longitude_microdegrees, "E", "W")}
                </p>
                {facts.amenities.length > 0 && (
                  <div class="row" role="group" aria-label="Amenities">
                    {facts.amenities.map((name) => (
                      <Badge key={name}>{name}</Badge>
                    ))}
                  </div>
                )}
              </>
            )}
            {free !== null && (
              <div class="stays-figures">
                <Figure label="free of 30 nights">{whole(free.availability_30)}</Figure>
                <Figure label="of 90">{whole(free.availability_90)}</Figure>
                <Figure label="of 365">{whole(free.availability_365)}</Figure>
              </div>
            )}
          </div>
        </Panel>
        <Panel title="When">
          {free === null ? (
            <div class="stays-calendar" />
          ) : (
            <Calendar
              key={listing}
              listing={listing}
              currency={currency}
              today={free.first}
              chosen={{ arrival: place.arrival, departure: place.departure }}
              onChoose={(chosen) => go(chosen, true)}
              nameOf={mine}
            />
          )}
        </Panel>
        {facts !== null && (
          <Panel title="Good to know">
            <Facts facts={facts} as={as} />
          </Panel>
        )}
        <Reviews listing={listing} />
      </div>
      <div class="stays-aside">
        <Offer key={`${listing} ${as}`} place={place} go={go} capacity={facts?.capacity ?? 0} mode={facts?.mode ?? ""} onWho={onWho} />
      </div>
    </div>
  );
}

function position(microdegrees: number, more: string, less: string): string {
  return `${(Math.abs(microdegrees) / 1_000_000).toFixed(4)}° ${microdegrees < 0 ? less : more}`;
}

function Reviews({ listing }: { listing: string }) {
  const { value, problem } = useLive("/api/booking/stays/queries/reviews", { listing, limit: 20 });
  const rows = (value ?? []).filter((row) => row.guest_stars > 0);
  return (
    <Panel title="Reviews of guests" flush>
      <ProblemNote problem={problem} />
      <ul class="stays-rows">
        {rows.map((row) => (
          <li key={row.booking}>
            <div>
              <strong><Stars count={row.guest_stars} /></strong> {row.guest_text}
              <p class="small muted">
                {row.guest}, until {longDay(row.departure)}
              </p>
            </div>
          </li>
        ))}
      </ul>
      {value !== null && rows.length === 0 && <Empty>Nobody has written of it yet.</Empty>}
    </Panel>
  );
}
