/** Stays: a search with a map, listings and their calendars, bookings from the hold to the review,
 * and the host's side of it. */
import { useEffect, useState } from "preact/hooks";
import { PageHead } from "../../parts/panel";
import { Booking } from "./booking";
import { Hosting } from "./hosting";
import { Listing } from "./listing";
import { PersonDialog } from "./person";
import { addressOf, type Go, keepPerson, type Place, usePlace, type View } from "./place";
import { Search } from "./search";
import "./stays.css";
import { Trips } from "./trips";
import { WishList, Wishes } from "./wishes";

const WAYS: readonly [View, string][] = [
  ["search", "Search"],
  ["trips", "Trips"],
  ["wishes", "Wish list"],
  ["hosting", "Hosting"],
];

function Ways({ place }: { place: Place }) {
  const stay = { arrival: place.arrival, departure: place.departure, guests: place.guests };
  return (
    <nav class="stays-ways" aria-label="Stays">
      {WAYS.map(([view, title]) => (
        <a key={view} href={addressOf(view === "search" ? { ...place, view, listing: "", booking: "" } : { as: place.as, view, ...stay })} aria-current={place.view === view ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

function Middle({ place, go, onWho }: { place: Place; go: Go; onWho: () => void }) {
  const needsName = place.view === "trips" || place.view === "wishes" || place.view === "hosting";
  if (needsName && place.as === "") {
    return (
      <section class="panel stays-nobody">
        <p>These are of somebody: say who you are.</p>
        <button type="button" class="primary" onClick={onWho}>
          Who are you?
        </button>
      </section>
    );
  }
  switch (place.view) {
    case "search":
      return <Search place={place} go={go} />;
    case "listing":
      return <Listing key={place.listing} place={place} go={go} onWho={onWho} />;
    case "booking":
      return <Booking key={`${place.listing}/${place.booking}`} place={place} go={go} />;
    case "trips":
      return <Trips key={place.as} as={place.as} />;
    case "wishes":
      return <WishList key={place.as} place={place} />;
    case "hosting":
      return <Hosting key={place.as} place={place} go={go} />;
  }
}

export default function Stays() {
  const [place, go] = usePlace();
  const [asking, setAsking] = useState(false);
  const { as } = place;
  useEffect(() => {
    if (as !== "") keepPerson(as);
  }, [as]);
  const onWho = () => setAsking(true);
  return (
    <div class="page stays">
      <PageHead title="Stays">
        <span class="row">
          {as !== "" && (
            <span>
              you are <strong>{as}</strong>
            </span>
          )}
          <button type="button" onClick={onWho}>
            {as === "" ? "Who are you?" : "Somebody else"}
          </button>
        </span>
      </PageHead>
      <Ways place={place} />
      <Wishes as={as} />
      <Middle place={place} go={go} onWho={onWho} />
      <PersonDialog
        open={asking}
        onClose={() => setAsking(false)}
        onChoose={(name) => {
          setAsking(false);
          go({ as: name });
        }}
      />
    </div>
  );
}
