/** A list of posts that grows at its head while one looks: what is new waits behind a button where
 * it would move what is being read. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Problem } from "../../api/client";
import { useLive } from "../../api/live";
import { Empty, ProblemNote, problemOf } from "../../parts/panel";
import { useLikes } from "./likes";
import { Post, type Shown } from "./post";

const LENGTH = 50;
const READING_PX = 160;

export type Listed = "home" | "home_ranked" | "posts" | "hashtag";

interface TimelineGiven {
  list: Listed;
  as: string;
  /** The author, or the hashtag. */
  of: string;
  empty: string;
}

function argumentsOf({ list, as, of }: TimelineGiven, before = "") {
  const page = { limit: LENGTH, ...(before === "" ? {} : { before }) };
  switch (list) {
    case "home":
    case "home_ranked":
      return { follower: as, ...page };
    case "posts":
      return { author: of, viewer: as, ...page };
    case "hashtag":
      return { hashtag: of, viewer: as, ...page };
  }
}

const nameOf = (post: Shown) => `${post.author}.${post.post_id}`;

export function Timeline(given: TimelineGiven) {
  const path = `/api/social/feed/queries/${given.list}` as "/api/social/feed/queries/home";
  const { value, problem } = useLive(path, argumentsOf(given) as { follower: string });
  /** The newest that is shown; what is newer waits. */
  const [newest, setNewest] = useState<string | null>(null);
  const [older, setOlder] = useState<Shown[]>([]);
  const [atEnd, setAtEnd] = useState(false);
  const [failure, setFailure] = useState<Problem | null>(null);
  const head = useRef<HTMLDivElement>(null);

  const rows = value ?? [];
  const first = rows[0] === undefined ? null : nameOf(rows[0]);
  const isReading = (head.current?.getBoundingClientRect().top ?? 0) < -READING_PX;
  useEffect(() => {
    if (!isReading || newest === null) setNewest(first);
  }, [first]);

  const from = given.list === "home_ranked" ? 0 : Math.max(0, rows.findIndex((row) => nameOf(row) === newest));
  const shown = rows.slice(from);
  const names = new Set(shown.map(nameOf));
  const behind = older.filter((row) => !names.has(nameOf(row)));

  async function more(): Promise<void> {
    const last = behind.at(-1) ?? shown.at(-1);
    if (last === undefined) return;
    setFailure(null);
    try {
      const found = await ask(path, argumentsOf(given, last.cursor) as { follower: string });
      setOlder([...behind, ...found]);
      setAtEnd(found.length === 0);
    } catch (error) {
      setFailure(problemOf(error));
    }
  }

  const liked = useLikes(given.as);
  return (
    <div ref={head}>
      <ProblemNote problem={problem ?? failure} />
      <div aria-live="polite">
        {from > 0 && (
          <button
            type="button"
            class="feed-new primary"
            onClick={() => {
              setNewest(first);
              head.current?.scrollIntoView({ block: "start" });
            }}
          >
            {from === 1 ? "1 new post" : `${from} new posts`}
          </button>
        )}
      </div>
      {[...shown, ...behind].map((post) => (
        // A copy: a component with a state of its own is drawn anew for another post alone.
        <Post key={nameOf(post)} post={post} as={given.as} liked={liked} />
      ))}
      {value !== null && rows.length === 0 && <Empty>{given.empty}</Empty>}
      {shown.length >= LENGTH && !atEnd && (
        <p class="feed-more">
          <button type="button" onClick={() => void more()}>
            Older posts
          </button>
        </p>
      )}
    </div>
  );
}
