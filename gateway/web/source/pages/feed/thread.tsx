/** A post with what it replies to and what replies to it. */
import { useLive } from "../../api/live";
import { short } from "../../parts/format";
import { Empty, ProblemNote } from "../../parts/panel";
import { Compose } from "./compose";
import { addressOf } from "./place";
import { Ago, Avatar, Text } from "./post";

const INDENT_MAX = 8;

export function Thread({ as, author, post_id }: { as: string; author: string; post_id: number }) {
  const { value, problem } = useLive("/api/social/feed/queries/thread", { author, post_id, viewer: as });
  const rows = value ?? [];
  const top = Math.min(0, ...rows.map((row) => row.depth));
  return (
    <div>
      <ProblemNote problem={problem} />
      {rows.map((row) => (
        <article
          key={`${row.author}.${row.post_id}`}
          class="feed-post"
          aria-label={`Post of ${row.author}`}
          aria-current={row.depth === 0 ? "true" : undefined}
          style={{ "--depth": String(Math.min(row.depth - top, INDENT_MAX)) }}
        >
          <Avatar name={row.author} />
          <div class="feed-post-body">
            <header class="row">
              <a class="feed-author" href={addressOf({ as, view: "profile", of: row.author })}>
                @{row.author}
              </a>
              <Ago at_ms={row.at_ms} />
            </header>
            {row.text === null ? <p class="muted">This post is gone, or not for you.</p> : <Text text={row.text} as={as} />}
            <p class="small muted">
              ♡ {short(row.likes)} · ↩ {short(row.replies)} · ⟳ {short(row.reposts)} · ❝ {short(row.quotes)}
              {row.depth !== 0 && (
                <>
                  {" · "}
                  <a href={addressOf({ as, view: "thread", of: row.author, post: row.post_id })}>Thread</a>
                </>
              )}
            </p>
            {row.depth === 0 && as !== "" && row.text !== null && (
              <Compose as={as} kind="reply" parent={{ author, post_id }} label={`Reply to @${author}`} />
            )}
          </div>
        </article>
      ))}
      {value !== null && rows.length === 0 && <Empty>There is no such post that you can see.</Empty>}
    </div>
  );
}
