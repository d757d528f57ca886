/** Uploads: what this page sends, what the server has of earlier ones, and how encoding goes. */
import { useRef, useState } from "preact/hooks";
import type { Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { Empty, Note, Panel, ProblemNote } from "../../parts/panel";
import { bytes } from "../../parts/format";
import { channel, type UploadName, videoOf } from "./names";
import { begin, cancel, forget, pause, resume, type Sending, sendings, wrongWith } from "./sending";

type UploadRow = Rows<"/api/media/uploads/queries/uploads">[number];

const SHOWN_MAX = 6;

export function UploadPanel({ onWatch }: { onWatch: (video: string) => void }) {
  const owner = channel.value;
  const { value: rows, problem } = useLive("/api/media/uploads/queries/uploads", { owner, limit: 1000 });
  const [refused, setRefused] = useState("");
  const mine = sendings.value.filter((each) => each.owner === owner);
  const known = new Set(mine.map((each) => each.upload?.upload));
  const others = (rows ?? [])
    .filter((row) => !known.has(row.upload) && !row.partial && row.filetype.startsWith("video/"))
    .filter((row) => row.state !== "terminated" && row.state !== "expired")
    .sort((one, other) => other.updated_at_ms - one.updated_at_ms);

  function take(files: FileList | null | undefined): void {
    const wrong: string[] = [];
    for (const file of files ?? []) {
      const why = wrongWith(file);
      if (why === "") void begin(owner, file);
      else wrong.push(why);
    }
    setRefused(wrong.join(" "));
  }
  return (
    <Panel title="Upload">
      <div class="stack">
        <DropPlace onFiles={take} />
        {refused !== "" && <Note tone="danger">{refused}</Note>}
        <ProblemNote problem={problem} />
        <ul class="video-uploads" aria-label="Uploads">
          {mine.map((each) => (
            <SendingRow key={each.key} sending={each} onWatch={onWatch} />
          ))}
          {others.slice(0, SHOWN_MAX).map((row) => (
            <KnownRow key={row.upload} row={row} onWatch={onWatch} />
          ))}
        </ul>
        {mine.length + others.length === 0 && rows !== null && <Empty>Nothing was uploaded here yet.</Empty>}
        {others.length > SHOWN_MAX && <p class="muted small">and {others.length - SHOWN_MAX} earlier ones</p>}
      </div>
    </Panel>
  );
}

function DropPlace({ onFiles }: { onFiles: (files: FileList | null | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  return (
    <div
      class="video-drop"
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFiles(event.dataTransfer?.files);
      }}
    >
      <input
        ref={input}
        class="hidden"
        type="file"
        accept="video/*"
        multiple
        tabIndex={-1}
        aria-label="Video files"
        onChange={(event) => {
          onFiles(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        Choose videos
      </button>
      <span class="muted small">or drop them here. What breaks off goes on when the same file is chosen again.</span>
    </div>
  );
}

interface BarGiven {
  label: string;
  done: number;
  of: number;
  tone?: "paused" | "failed";
}

function Bar({ label, done, of, tone }: BarGiven) {
  const percent = of > 0 ? Math.min((100 * done) / of, 100) : 0;
  return (
    <div
      class="video-bar"
      data-tone={tone}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

function SendingRow({ sending, onWatch }: { sending: Sending; onWatch: (video: string) => void }) {
  const { key, name, size, sent, state, upload } = sending;
  if (state === "sent" && upload !== null) {
    return <MadeRow name={name} upload={upload} onWatch={onWatch} onForget={() => forget(key)} />;
  }
  const told = {
    sending: sending.resumed ? "going on" : "sending",
    paused: "paused",
    failed: sending.problem,
    sent: "sent",
  }[state];
  return (
    <li>
      <div class="row">
        <strong class="video-name">{name}</strong>
        <span class="end" />
        {state === "sending" && (
          <button type="button" class="quiet" onClick={() => void pause(key)}>
            Pause
          </button>
        )}
        {(state === "paused" || state === "failed") && (
          <button type="button" onClick={() => resume(key)}>
            {state === "paused" ? "Resume" : "Try again"}
          </button>
        )}
        <button type="button" class="quiet" aria-label={`Give up ${name}`} onClick={() => void cancel(key)}>
          ✕
        </button>
      </div>
      <Bar
        label={`Upload of ${name}`}
        done={sent}
        of={size}
        {...(state === "sending" || state === "sent" ? {} : { tone: state })}
      />
      <p class="muted small" role="status">
        {bytes(sent)} of {bytes(size)} · {told}
      </p>
    </li>
  );
}

/** One that this page did not send. */
function KnownRow({ row, onWatch }: { row: UploadRow; onWatch: (video: string) => void }) {
  const name = row.filename || row.upload;
  if (row.state === "stored") return <MadeRow name={name} upload={row} onWatch={onWatch} />;
  const length = row.length ?? row.offset;
  const told = {
    receiving: "begun before: choose the same file again to go on",
    assembling: "is put together",
    complete: "is put together",
    failed: row.reason,
  }[row.state];
  return (
    <li>
      <strong class="video-name">{name}</strong>
      <Bar label={`Upload of ${name}`} done={row.offset} of={length} tone={row.state === "failed" ? "failed" : "paused"} />
      <p class="muted small">
        {bytes(row.offset)} of {bytes(length)} · {told ?? row.state}
      </p>
    </li>
  );
}

interface MadeRowGiven {
  name: string;
  upload: UploadName;
  onWatch: (video: string) => void;
  onForget?: () => void;
}

/** A file that is there: what becomes of it. */
function MadeRow({ name, upload, onWatch }: MadeRowGiven) {
  const video = videoOf(upload);
  const { value: status, problem } = useLive("/api/media/video/queries/status", { video });
  const state = status?.status ?? "waiting";
  const told = {
    waiting: "uploaded; waits to be looked at",
    probing: "what it is, is being found out",
    encoding: `encoding: ${status?.ranges_done ?? 0} of ${status?.ranges ?? 0} parts`,
    ready: status?.is_held === true ? `held: ${status.reason}` : "encoded; pictures are being made",
    published: status?.is_held === true ? `held: ${status.reason}` : "published",
    failed: `failed: ${status?.reason ?? ""}`,
    taken_down: `taken down: ${status?.reason ?? ""}`,
  }[state];
  const isShown = state === "published" && status?.is_held === false;
  return (
    <li data-state={state}>
      <div class="row">
        <strong class="video-name">{status?.title || name}</strong>
        <span class="end" />
        {isShown && (
          <button type="button" onClick={() => onWatch(video)}>
            Watch
          </button>
        )}
      </div>
      {(state === "probing" || state === "encoding" || state === "waiting" || state === "ready") && (
        <Bar label={`Encoding of ${name}`} done={status?.percent ?? 0} of={100} />
      )}
      <p class="muted small" role="status">
        {told ?? state}
      </p>
      <ProblemNote problem={problem} />
    </li>
  );
}
