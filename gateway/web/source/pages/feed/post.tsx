/** One post, and what can be done with it. */
import { useState } from "preact/hooks";
import { type Problem, type Rows, send } from "../../api/client";
import { clock, date, short, span } from "../../parts/format";
import { ProblemNote, problemOf } from "../../parts/panel";
import { Compose } from "./compose";
import { likeOf, type Likes } from "./likes";
import { addressOf } from "./place";

export type Shown = Rows<"/api/social/feed/queries/home">[number];

const PARTS = /([#@][\p{L}\p{N}_]+)/u;

/** A text with its hashtags and mentions as links. */
export function Text({ text, as }: { text: string; as: string }) {
  return (
    <p class="feed-text">
      {text.split(PARTS).map((part, index) => {
        const name = part.slice(1).toLowerCase();
        if (part.startsWith("#") && name !== "") {
          return <a key={index} href={addressOf({ as, view: "hashtag", of: name })}>{part}</a>;
        }
        if (part.startsWith("@") && name !== "") {
          return <a key={index} href={addressOf({ as, view: "profile", of: name })}>{part}</a>;
        }
        return part;
      })}
    </p>
  );
}

/** How long ago; the whole moment as its title. */
export function Ago({ at_ms }: { at_ms: number }) {
  const ago_ms = Date.now() - at_ms;
  return (
    <time dateTime={new Date(at_ms).toISOString()} title={`${date(at_ms)}, ${clock(at_ms)}`} class="muted small">
      {ago_ms < 7 * 86_400_000 ? span(ago_ms) : date(at_ms)}
    </time>
  );
}

export function Avatar({ name }: { name: string }) {
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.charCodeAt(0)) % 360;
  return (
    <span class="feed-avatar" style={{ "--hue": String(hue) }} aria-hidden="true">
      {name.slice(0, 1).toUpperCase()}
    </span>
  );
}

interface PostGiven {
  post: Shown;
  as: string;
  /** The posts that `as` likes. */
  liked: Likes;
}

export function Post({ post, as, liked: likes }: PostGiven) {
  const [writing, setWriting] = useState<"reply" | "quote" | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const isRepost = post.kind === "repost";
  // What is done to a repost is done to what it repeats.
  const author = isRepost ? post.parent_author : post.author;
  const post_id = isRepost ? post.parent_id : post.post_id;
  const liked = likes.has(likeOf(author, post_id));

  async function act(work: () => Promise<unknown>): Promise<void> {
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(problemOf(error));
    }
  }

  async function like(): Promise<void> {
    const way = liked ? "unlike_post" : "like_post";
    await send(`/api/social/feed/commands/${way}`, { author, post_id, by: as });
  }

  async function repost(): Promise<void> {
    await send("/api/social/feed/commands/write_post", { author: as, kind: "repost", parent_author: author, parent_id: post_id });
  }

  return (
    <article class="feed-post" aria-label={`Post of ${author}`}>
      <Avatar name={author} />
      <div class="feed-post-body">
        {isRepost && (
          <p class="small muted">
            <a href={addressOf({ as, view: "profile", of: post.author })}>@{post.author}</a> reposted
          </p>
        )}
        <header class="row">
          <a class="feed-author" href={addressOf({ as, view: "profile", of: author })}>
            {isRepost ? "" : post.name} <span class="muted">@{author}</span>
          </a>
          <Ago at_ms={post.at_ms} />
          {post.edited && <span class="small muted">edited</span>}
          {post.kind === "reply" && <span class="small muted">replies to @{post.parent_author}</span>}
        </header>
        <Text text={post.text} as={as} />
        {(post.kind === "quote" || post.kind === "reply") && post.parent_text !== null && (
          <blockquote class="feed-parent">
            <a href={addressOf({ as, view: "thread", of: post.parent_author, post: post.parent_id })} class="small">
              @{post.parent_author}
            </a>
            <Text text={post.parent_text} as={as} />
          </blockquote>
        )}
        <footer class="feed-actions">
          <button type="button" class="quiet" disabled={as === ""} aria-expanded={writing === "reply"} onClick={() => setWriting(writing === "reply" ? null : "reply")}>
            ↩ Reply <span class="muted">{short(post.replies)}</span>
          </button>
          <button type="button" class="quiet" disabled={as === ""} onClick={() => void act(repost)}>
            ⟳ Repost <span class="muted">{short(post.reposts)}</span>
          </button>
          <button type="button" class="quiet" disabled={as === ""} aria-expanded={writing === "quote"} onClick={() => setWriting(writing === "quote" ? null : "quote")}>
            ❝ Quote <span class="muted">{short(post.quotes)}</span>
          </button>
          <button type="button" class="quiet" disabled={as === ""} aria-pressed={liked} onClick={() => void act(like)}>
            {liked ? "♥" : "♡"} Like <span class="muted">{short(post.likes)}</span>
          </button>
          <a class="small muted end" href={addressOf({ as, view: "thread", of: author, post: post_id })}>
            Thread
          </a>
        </footer>
        <ProblemNote problem={problem} />
        {writing !== null && (
          <Compose as={as} kind={writing} parent={{ author, post_id }} label={writing === "reply" ? `Reply to @${author}` : `Quote @${author}`} onDone={() => setWriting(null)} focus />
        )}
      </div>
    </article>
  );
}
