/** The wish list, and what its listings and saved searches had to tell. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useLive } from "../../api/live";
import { clock, date, words } from "../../parts/format";
import { Empty, Panel, ProblemNote } from "../../parts/panel";
import { money } from "./money";
import { addressOf, type Place } from "./place";
import { useSending } from "./sending";

/** Of whoever is here: one query, however many hearts there are on the page. */
const wished = signal<ReadonlySet<string>>(new Set());

export function Wishes({ as }: { as: string }) {
  const { value } = useLive("/api/booking/stays/queries/wish_list", as === "" ? null : { guest: as });
  const names = (value ?? []).map((row) => row.listing);
  useEffect(() => {
    wished.value = new Set(names);
  }, [names.join("\n")]);
  return null;
}

export function Wish({ as, listing, title }: { as: string; listing: string; title: string }) {
  const sending = useSending();
  const isWished = wished.value.has(listing);
  const path = `/api/booking/stays/commands/${isWished ? "remove_wish" : "add_wish"}` as const;
  return (
    <button
      type="button"
      class="quiet stays-wish"
      aria-pressed={isWished}
      aria-label={`Keep ${title} on the wish list`}
      title={as === "" ? "Say who you are first" : (sending.problem?.detail ?? undefined)}
      disabled={as === "" || sending.busy}
      onClick={() => void sending.go(path, { listing, guest: as })}
    >
      {isWished ? "♥" : "♡"}
    </button>
  );
}

export function WishList({ place }: { place: Place }) {
  const { as } = place;
  const { value, problem } = useLive("/api/booking/stays/queries/wish_list", { guest: as });
  const news = useLive("/api/booking/stays/queries/notifications", { guest: as, limit: 50 });
  return (
    <div class="stays-two">
      <Panel title="Wish list" flush>
        <ProblemNote problem={problem} />
        <ul class="stays-rows">
          {(value ?? []).map((row) => (
            <li key={row.listing}>
              <a href={addressOf({ as, view: "listing", listing: row.listing, arrival: place.arrival, departure: place.departure })}>
                <strong>{row.title || row.listing}</strong>
                <span class="small muted">{row.is_open ? row.city : "takes no bookings now"}</span>
              </a>
              <span class="stays-price">
                <strong>{money(row.night_price, row.currency)}</strong>
                <span class="small muted">a night</span>
              </span>
              <Wish as={as} listing={row.listing} title={row.title || row.listing} />
            </li>
          ))}
        </ul>
        {value?.length === 0 && <Empty>Nothing is kept yet: a heart keeps a listing.</Empty>}
      </Panel>
      <Panel title="News of them" flush>
        <ProblemNote problem={news.problem} />
        <ul class="stays-rows">
          {(news.value ?? []).map((each) => (
            <li key={`${each.at_ms} ${each.partition} ${each.sequence} ${each.search} ${each.kind}`}>
              <a href={addressOf({ as, view: "listing", listing: each.listing })}>
                <strong>{words(each.kind)}</strong>
                <span class="small muted">
                  {each.listing}
                  {each.search !== "" && ` · search ${each.search}`} · {date(each.at_ms)}, {clock(each.at_ms)}
                </span>
              </a>
              <span class="stays-price">
                <strong>{money(each.price, each.currency)}</strong>
                {each.price_before !== null && each.price_before !== each.price && <s class="small muted">{money(each.price_before, each.currency)}</s>}
              </span>
            </li>
          ))}
        </ul>
        {news.value?.length === 0 && <Empty>Nothing has changed yet.</Empty>}
      </Panel>
    </div>
  );
}
