/** The inbox of an account, and who waits to follow it. */
import { useState } from "preact/hooks";
import { type Problem, send } from "../../api/client";
import { useLive } from "../../api/live";
import { words } from "../../parts/format";
import { Empty, ProblemNote, problemOf } from "../../parts/panel";
import { addressOf } from "./place";
import { Ago, Avatar } from "./post";

export function Requests({ as }: { as: string }) {
  const { value } = useLive("/api/social/feed/queries/follow_requests", { author: as });
  const [problem, setProblem] = useState<Problem | null>(null);
  async function decide(way: "approve_follow" | "decline_follow", follower: string): Promise<void> {
    try {
      await send(`/api/social/feed/commands/${way}`, { author: as, follower });
    } catch (error) {
      setProblem(problemOf(error));
    }
  }
  return (
    <>
      <ProblemNote problem={problem} />
      {(value ?? []).map((request) => (
        <div key={request.follower} class="feed-notice">
          <Avatar name={request.follower} />
          <span>
            <a href={addressOf({ as, view: "profile", of: request.follower })}>@{request.follower}</a> wants to follow you
          </span>
          <span class="row end">
            <button type="button" class="primary" onClick={() => void decide("approve_follow", request.follower)}>
              Approve
            </button>
            <button type="button" onClick={() => void decide("decline_follow", request.follower)}>
              Decline
            </button>
          </span>
        </div>
      ))}
    </>
  );
}

export function Notices({ as }: { as: string }) {
  const { value, problem } = useLive("/api/social/feed/queries/notifications", { author: as, limit: 100 });
  return (
    <div>
      <Requests as={as} />
      <ProblemNote problem={problem} />
      {(value ?? []).map((notice) => (
        <div key={notice.cursor} class="feed-notice">
          <Avatar name={notice.by} />
          <div>
            <a href={addressOf({ as, view: "profile", of: notice.by })}>@{notice.by}</a> <span class="muted">{words(notice.kind)}</span> <Ago at_ms={notice.at_ms} />
            {notice.text !== "" && (
              <p>
                <a class="feed-quiet-link" href={addressOf({ as, view: "thread", of: notice.post_author, post: notice.post_id })}>
                  {notice.text}
                </a>
              </p>
            )}
          </div>
        </div>
      ))}
      {value !== null && value.length === 0 && <Empty>Nothing yet. Say something!</Empty>}
    </div>
  );
}
