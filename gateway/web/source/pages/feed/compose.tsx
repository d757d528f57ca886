/** Writing a post. What was typed stays when the rules refuse it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, send } from "../../api/client";
import { ProblemNote, problemOf } from "../../parts/panel";

interface ComposeGiven {
  as: string;
  kind: "original" | "reply" | "quote";
  parent?: { author: string; post_id: number };
  label: string;
  onDone?: () => void;
  focus?: boolean;
}

export function Compose({ as, kind, parent, label, onDone, focus }: ComposeGiven) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  // One key a text: pressed again after a break of the line, it is posted once.
  const key = useRef(crypto.randomUUID());
  useEffect(() => {
    if (focus === true) area.current?.focus();
  }, []);

  async function post(): Promise<void> {
    if (text.trim() === "" || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const to = parent === undefined ? {} : { parent_author: parent.author, parent_id: parent.post_id };
      await send("/api/social/feed/commands/write_post", { author: as, kind, text, ...to }, key.current);
      setText("");
      onDone?.();
      key.current = crypto.randomUUID();
    } catch (error) {
      const found = problemOf(error);
      setProblem(found);
      if (found.status === 409) key.current = crypto.randomUUID(); // decided: the next is another
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      class="feed-compose"
      onSubmit={(event) => {
        event.preventDefault();
        void post();
      }}
    >
      <textarea
        ref={area}
        aria-label={label}
        placeholder={label}
        rows={kind === "original" ? 3 : 2}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void post();
        }}
      />
      <ProblemNote problem={problem} />
      <div class="row">
        <span class="small muted">{kind === "original" ? "Ctrl + Enter posts" : ""}</span>
        <span class="small muted end">{[...text].length}</span>
        <button class="primary" disabled={busy || text.trim() === ""}>
          Post
        </button>
      </div>
    </form>
  );
}
