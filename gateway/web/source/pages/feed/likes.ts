/** The posts that an account likes, as the server knows them, on whichever page they were liked. */
import { useMemo } from "preact/hooks";
import { useLive } from "../../api/live";

export type Likes = ReadonlySet<string>;

export function likeOf(author: string, post_id: number): string {
  return `${author}/${post_id}`;
}

/** The latest thousand. */
export function useLikes(as: string): Likes {
  const { value } = useLive("/api/social/feed/queries/likes", as === "" ? null : { author: as });
  return useMemo(() => new Set((value ?? []).map((like) => likeOf(like.author, like.post_id))), [value]);
}
