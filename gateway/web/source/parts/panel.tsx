/** The frames that pages are made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Refused, type Problem } from "../api/client";

interface PanelGiven {
  title: ComponentChildren;
  /** Beside the title, at the end of its line. */
  tools?: ComponentChildren;
  /** Whether what is within goes to the panel's edges, as tables and charts do. */
  flush?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, tools, flush, class: more, children }: PanelGiven) {
  const id = useId();
  return (
    <section class={`panel ${more ?? ""}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {tools !== undefined && <div class="row end">{tools}</div>}
      </header>
      <div class={flush === true ? "panel-flush" : "panel-body"}>{children}</div>
    </section>
  );
}

export function PageHead({ title, about, children }: { title: string; about?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {about !== undefined && <p class="muted">{about}</p>}
      </div>
      <div class="row end">{children}</div>
    </header>
  );
}

export function Figure({ label, children, tone }: { label: string; children: ComponentChildren; tone?: Tone }) {
  return (
    <div class="figure" data-tone={tone}>
      <span class="muted small">{label}</span>
      <strong>{children}</strong>
    </div>
  );
}

export type Tone = "buy" | "sell" | "warning" | "danger" | "information" | "accent";

export function Badge({ tone, children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <span class="badge" data-tone={tone}>
      {children}
    </span>
  );
}

/** What a person should know at once: read out when it appears. */
export function Note({ tone, children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <p class="note" data-tone={tone} role={tone === "danger" ? "alert" : "status"}>
      {children}
    </p>
  );
}

/** A problem, as the gateway told it; nothing where there is none. */
export function ProblemNote({ problem }: { problem: Problem | null | undefined }) {
  if (problem === null || problem === undefined) return null;
  return (
    <Note tone="danger">
      {problem.detail || problem.title}
      {problem.code !== undefined && problem.code !== "" && <code> {problem.code}</code>}
    </Note>
  );
}

/** The problem of an error: of other errors than `Refused` too, since a person should see them. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  return { type: "about:blank", title: error instanceof Error ? error.message : String(error), status: 0 };
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty muted">{children}</p>;
}

interface TabsGiven<Name extends string> {
  label: string;
  names: readonly Name[];
  chosen: Name;
  onChoose: (name: Name) => void;
  titles?: Partial<Record<Name, string>>;
}

/** Tabs by the pattern of WAI-ARIA: arrow keys go from one to the next. */
export function Tabs<Name extends string>({ label, names, chosen, onChoose, titles }: TabsGiven<Name>) {
  const list = useRef<HTMLDivElement>(null);
  function go(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = names[(names.indexOf(chosen) + step + names.length) % names.length];
    if (next === undefined) return;
    event.preventDefault();
    onChoose(next);
    list.current?.querySelector<HTMLElement>(`[data-name="${next}"]`)?.focus();
  }
  return (
    <div ref={list} class="tabs" role="tablist" aria-label={label} onKeyDown={go}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          data-name={name}
          aria-selected={name === chosen}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {titles?.[name] ?? name}
        </button>
      ))}
    </div>
  );
}

interface DialogGiven {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal window: Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, open, onClose, children }: DialogGiven) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="panel dialog" aria-labelledby={id} onClose={onClose}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet end" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div class="panel-body">{open && children}</div>
    </dialog>
  );
}

interface FieldGiven {
  label: string;
  /** What is wrong with it. */
  error?: string | undefined;
  hint?: string;
  children: (given: { id: string; "aria-invalid": boolean; "aria-describedby": string | undefined }) => ComponentChildren;
}

/** A label, an input, and what is wrong with it. */
export function Field({ label, error, hint, children }: FieldGiven) {
  const id = useId();
  const about = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": error !== undefined, "aria-describedby": about === undefined ? undefined : `${id}-about` })}
      {about !== undefined && (
        <span id={`${id}-about`} class={error === undefined ? "small muted" : "small field-error"}>
          {about}
        </span>
      )}
    </div>
  );
}
