/** Where one is in the feed, and as whom: all of it stands in the address, so that it can be sent. */
import { useLocation } from "preact-iso";
import { keep, kept } from "../../api/kept";

export type View = "home" | "ranked" | "notifications" | "profile" | "hashtag" | "thread";

export interface Place {
  /** The account that looks and acts; empty: nobody yet. */
  as: string;
  view: View;
  /** Whose profile or post, or which hashtag. */
  of: string;
  post: number;
}

const VIEWS: readonly View[] = ["home", "ranked", "notifications", "profile", "hashtag", "thread"];
const KEPT = "feed-account";

export function keptAccount(): string {
  return kept(KEPT);
}

export function keepAccount(name: string): void {
  keep(KEPT, name);
}

export function addressOf(place: Partial<Place>): string {
  const parameters = new URLSearchParams();
  if (place.as) parameters.set("as", place.as);
  if (place.view !== undefined && place.view !== "home") parameters.set("view", place.view);
  if (place.of) parameters.set("of", place.of);
  if (place.post) parameters.set("post", String(place.post));
  const text = parameters.toString();
  return text === "" ? "/feed" : `/feed?${text}`;
}

export function usePlace(): [Place, (next: Partial<Place>) => void] {
  const { query, route } = useLocation();
  const view = VIEWS.find((each) => each === query.view) ?? "home";
  const place: Place = {
    as: query.as ?? keptAccount(),
    view,
    of: query.of ?? "",
    post: Number(query.post ?? 0) || 0,
  };
  return [place, (next) => route(addressOf({ as: place.as, ...next }))];
}
