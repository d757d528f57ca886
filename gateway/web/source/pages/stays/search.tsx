/** Search by area: the map says where, the filters say what, the list says what there is. */
import { useState } from "preact/hooks";
import { Empty, Panel, ProblemNote } from "../../parts/panel";
import { whole } from "../../parts/format";
import { guestsText, nightsBetween, nightsText } from "./days";
import { Filters, StayFields } from "./filters";
import { type Found, useSearch } from "./finding";
import { SearchMap } from "./map";
import { money, roundMoney } from "./money";
import { addressOf, type Go, type Order, type Place } from "./place";
import { type Bounds, boundsIn } from "./projection";
import { Rank } from "./stars";
import { Wish } from "./wishes";

const MICRO = 1_000_000;
const MARGIN = 0.12;

/** Around all that is found, with a little space. */
function around(rows: readonly Found[]): Bounds | null {
  if (rows.length === 0) return null;
  const latitudes = rows.map((row) => row.latitude_microdegrees / MICRO);
  const longitudes = rows.map((row) => row.longitude_microdegrees / MICRO);
  const [south, north] = [Math.min(...latitudes), Math.max(...latitudes)];
  const [west, east] = [Math.min(...longitudes), Math.max(...longitudes)];
  const up = Math.max((north - south) * MARGIN, 0.005);
  const aside = Math.max((east - west) * MARGIN, 0.005);
  return { south: Math.max(south - up, -90), west: Math.max(west - aside, -180), north: Math.min(north + up, 90), east: Math.min(east + aside, 180) };
}

const ORDERS: Record<Order, string> = { rank: "best first", price: "cheapest first", distance: "nearest to the middle" };

export function Search({ place, go }: { place: Place; go: Go }) {
  const { page, rows, isStale, problem, hasMore, more } = useSearch(place);
  const [pointed, setPointed] = useState("");
  const currencies = [...new Set(rows.map((row) => row.currency))];
  const stay = place.arrival !== "" && place.departure !== "";
  const bounds = boundsIn(place.area) ?? around(rows);
  const spots = rows.map((row) => ({
    listing: row.listing,
    title: row.title,
    latitude: row.latitude_microdegrees / MICRO,
    longitude: row.longitude_microdegrees / MICRO,
    price: roundMoney(row.price, row.currency),
  }));
  const open = (listing: string) => go({ view: "listing", listing });
  const only = place.currency || (currencies.length === 1 ? (currencies[0] ?? "") : "");

  return (
    <div class="stays-search">
      <Panel title="Where and when" class="stays-what">
        <StayFields place={place} go={go} />
        <details class="stays-narrow" open={matchMedia("(min-width: 900px)").matches}>
          <summary>Narrow it down</summary>
          <Filters place={place} go={go} facets={page?.facets ?? []} currencies={currencies} />
        </details>
      </Panel>
      <section class="panel stays-where" aria-label="Map">
        <SearchMap spots={spots} bounds={bounds} chosen={pointed} onMove={(area) => go({ area }, true)} onChoose={open} onPoint={setPointed} />
      </section>
      <Panel
        flush
        class="stays-found"
        title={<span aria-live="polite">{page === null ? "Listings" : `${whole(page.matches)} ${page.matches === 1 ? "listing" : "listings"} here`}</span>}
        tools={
          <select aria-label="Order" value={place.order} onChange={(event) => go({ order: event.currentTarget.value as Order, ...(event.currentTarget.value === "price" ? { currency: only } : {}) }, true)}>
            {(Object.keys(ORDERS) as Order[])
              .filter((order) => (order !== "price" || only !== "") && (order !== "distance" || place.area !== ""))
              .map((order) => (
                <option key={order} value={order}>
                  {ORDERS[order]}
                </option>
              ))}
          </select>
        }
      >
        <ProblemNote problem={problem} />
        <ul class="stays-rows" data-stale={isStale}>
          {rows.map((row) => (
            <li key={row.listing} data-chosen={row.listing === pointed} onPointerEnter={() => setPointed(row.listing)} onPointerLeave={() => setPointed("")} onFocusIn={() => setPointed(row.listing)} onFocusOut={() => setPointed("")}>
              <a href={addressOf({ ...place, view: "listing", listing: row.listing })}>
                <strong>{row.title || row.listing}</strong>
                <span class="small muted">
                  {[row.room_type, row.city, `up to ${guestsText(row.capacity)}`].filter((each) => each !== "").join(" · ")}
                </span>
                <span class="small muted">
                  <Rank row={row} />
                  {row.mode === "request" && " · by request"}
                </span>
              </a>
              <span class="stays-price">
                <strong>{money(row.price, row.currency)}</strong>
                <span class="small muted">{stay ? nightsText(nightsBetween(place.arrival, place.departure)) : "a night"}</span>
              </span>
              <Wish as={place.as} listing={row.listing} title={row.title || row.listing} />
            </li>
          ))}
        </ul>
        {page !== null && rows.length === 0 && <Empty>Nothing here that fits. Move the map, or ask for less.</Empty>}
        {hasMore && (
          <p class="stays-more">
            <button type="button" onClick={() => void more()}>
              More of {whole(page?.matches ?? 0)}
            </button>
          </p>
        )}
      </Panel>
    </div>
  );
}
