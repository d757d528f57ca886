/** Inputs for the fields of a schema, however deep: numbers, choices, structs, lists, maps. */
import { useId } from "preact/hooks";
import { Field } from "../../parts/panel";
import { words } from "../../parts/format";
import { resolve, type Schema, unwrap } from "./description";
import { choices, type Draft, emptyDraft, type Errors, fieldOf, kindOf } from "./draft";

interface Given {
  schema: Schema;
  schemas: Record<string, Schema>;
  draft: Draft;
  path: string;
  errors: Errors;
  onChange: (draft: Draft) => void;
}

interface NamedGiven extends Given {
  name: string;
  needed: boolean;
}

/** The fields of a struct: what it needs, and behind a fold what may be left out. */
export function StructFields({ schema, schemas, draft, path, errors, onChange }: Given) {
  const values = (draft ?? {}) as Record<string, Draft>;
  const required = schema.required ?? [];
  const names = Object.keys(schema.properties ?? {});
  const optional = names.filter((name) => !required.includes(name)).sort((one, other) => depth(one) - depth(other));
  function depth(name: string): number {
    return Number(["struct", "tuple", "list", "map"].includes(kindOf(unwrap(fieldOf(schema, name), schemas).schema)));
  }
  const isOpen = optional.some((name) => values[name] !== undefined || Object.keys(errors).some((each) => each.startsWith(`${path}.${name}`)));
  function field(name: string) {
    return (
      <AnyField
        key={name}
        name={name}
        needed={required.includes(name)}
        schema={fieldOf(schema, name)}
        schemas={schemas}
        draft={values[name]}
        path={`${path}.${name}`}
        errors={errors}
        onChange={(next) => onChange({ ...values, [name]: next })}
      />
    );
  }
  return (
    <div class="stack">
      {required.length > 0 && <div class="system-fields">{names.filter((name) => required.includes(name)).map(field)}</div>}
      {optional.length > 0 && (
        <details class="system-more" open={isOpen || (required.length === 0 && optional.length <= 6)}>
          <summary class="small">
            {required.length === 0 ? "May be given" : "May be given too"}: {optional.length}
          </summary>
          <div class="system-fields">{optional.map(field)}</div>
        </details>
      )}
      {names.length === 0 && <p class="muted small">It takes nothing.</p>}
    </div>
  );
}

function AnyField(given: NamedGiven) {
  const { schema, nullable } = unwrap(given.schema, given.schemas);
  const inner = { ...given, schema };
  switch (kindOf(schema)) {
    case "list":
      return <ListField {...inner} />;
    case "map":
      return <MapField {...inner} />;
    case "struct":
    case "tuple":
      return <GroupField {...inner} needed={given.needed && !nullable} />;
    default:
      return <ScalarField {...inner} />;
  }
}

/** The first paragraph of what is said of it. */
function hintOf(schema: Schema): string | undefined {
  return schema.description?.split("\n\n")[0]?.replaceAll("`", "");
}

/** What holds where nothing is given, if that says something. */
function defaultOf(schema: Schema): string {
  const value = schema.default;
  return value === null || value === undefined || typeof value === "object" ? "" : String(value);
}

/** Bounds that say something: those of 64 bits do not. */
function bound(limit: number | undefined): number | undefined {
  return limit !== undefined && Number.isSafeInteger(limit) ? limit : undefined;
}

function ScalarField({ name, needed, schema, draft, path, errors, onChange }: NamedGiven) {
  const hint = hintOf(schema);
  const kind = kindOf(schema);
  function typed(event: { currentTarget: HTMLInputElement }): void {
    onChange(event.currentTarget.value === "" && !needed ? undefined : event.currentTarget.value);
  }
  if (kind === "truth") return <TruthField {...{ name, hint, schema, draft, path, onChange }} />;
  return (
    <Field label={words(name)} error={errors[path]} {...(hint === undefined ? {} : { hint })}>
      {(wired) =>
        kind === "choice" ? (
          <select {...wired} data-path={path} value={String(draft ?? "")} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
            {(!needed || draft === undefined) && <option value="">{needed ? "choose" : words(defaultOf(schema)) || "–"}</option>}
            {choices(schema).map((each) => (
              <option key={String(each)} value={String(each)}>
                {words(String(each))}
              </option>
            ))}
          </select>
        ) : schema.format === "date" ? (
          <input {...wired} data-path={path} type="date" value={String(draft ?? "")} onInput={typed} />
        ) : (
          <input
            {...wired}
            data-path={path}
            type="text"
            class={kind === "text" ? "" : "mono"}
            inputMode={kind === "whole" ? "numeric" : kind === "number" ? "decimal" : "text"}
            autocomplete="off"
            spellcheck={false}
            required={needed}
            placeholder={defaultOf(schema) || range(schema)}
            value={String(draft ?? "")}
            onInput={typed}
          />
        )
      }
    </Field>
  );
}

function range(schema: Schema): string {
  const low = bound(schema.minimum);
  const high = bound(schema.maximum);
  if (low !== undefined && high !== undefined) return `${low} to ${high}`;
  if (low !== undefined) return `${low} or more`;
  return "";
}

interface TruthGiven {
  name: string;
  hint: string | undefined;
  schema: Schema;
  draft: Draft;
  path: string;
  onChange: (draft: Draft) => void;
}

function TruthField({ name, hint, schema, draft, path, onChange }: TruthGiven) {
  const id = useId();
  return (
    <div class="field">
      <label class="system-truth">
        <input
          type="checkbox"
          data-path={path}
          aria-describedby={hint === undefined ? undefined : id}
          checked={draft === undefined ? schema.default === true : draft === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />{" "}
        {words(name)}
      </label>
      {hint !== undefined && (
        <span id={id} class="small muted">
          {hint}
        </span>
      )}
    </div>
  );
}

function GroupField(given: NamedGiven) {
  const { name, needed, schema, schemas, draft, path, errors, onChange } = given;
  const hint = hintOf(schema);
  return (
    <fieldset class="system-group">
      <legend>{words(name)}</legend>
      {hint !== undefined && <p class="small muted">{hint}</p>}
      {errors[path] !== undefined && <p class="small field-error">{errors[path]}</p>}
      {draft === undefined ? (
        <button type="button" data-path={path} onClick={() => onChange(emptyDraft(schema, schemas))}>
          Give {words(name)}
        </button>
      ) : (
        <>
          {kindOf(schema) === "tuple" ? <TupleFields {...given} /> : <StructFields {...given} />}
          {!needed && (
            <button type="button" class="quiet" onClick={() => onChange(undefined)}>
              Leave {words(name)} out
            </button>
          )}
        </>
      )}
    </fieldset>
  );
}

function TupleFields({ schema, schemas, draft, path, errors, onChange }: Given) {
  const values = (draft ?? []) as Draft[];
  return (
    <div class="system-fields">
      {(schema.prefixItems ?? []).map((part, index) => (
        <AnyField
          key={index}
          name={`${index + 1}`}
          needed
          schema={part}
          schemas={schemas}
          draft={values[index]}
          path={`${path}[${index}]`}
          errors={errors}
          onChange={(next) => onChange(values.with(index, next))}
        />
      ))}
    </div>
  );
}

function ListField({ name, needed, schema, schemas, draft, path, errors, onChange }: NamedGiven) {
  const values = (draft ?? []) as Draft[];
  const hint = hintOf(schema);
  const item = resolve(schema.items ?? {}, schemas);
  return (
    <fieldset class="system-group">
      <legend>{words(name)}</legend>
      {hint !== undefined && <p class="small muted">{hint}</p>}
      {errors[path] !== undefined && <p class="small field-error">{errors[path]}</p>}
      {values.map((value, index) => (
        <div key={index} class="system-item">
          <AnyField
            name={`${name} ${index + 1}`}
            needed
            schema={item}
            schemas={schemas}
            draft={value}
            path={`${path}[${index}]`}
            errors={errors}
            onChange={(next) => onChange(values.with(index, next))}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${words(name)} ${index + 1}`}
            onClick={() => onChange(values.length === 1 && !needed ? undefined : values.toSpliced(index, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      <button
        type="button"
        data-path={path}
        disabled={values.length >= (schema.maxItems ?? Infinity)}
        onClick={() => onChange([...values, emptyDraft(item, schemas)])}
      >
        Add to {words(name)}
      </button>
    </fieldset>
  );
}

function MapField({ name, needed, schema, schemas, draft, path, errors, onChange }: NamedGiven) {
  const values = Object.entries((draft ?? {}) as Record<string, Draft>);
  const hint = hintOf(schema);
  function put(entries: [string, Draft][]): void {
    onChange(entries.length === 0 && !needed ? undefined : Object.fromEntries(entries));
  }
  return (
    <fieldset class="system-group">
      <legend>{words(name)}</legend>
      {hint !== undefined && <p class="small muted">{hint}</p>}
      {values.map(([key, value], index) => (
        <div key={index} class="system-item">
          <Field label="name">
            {(wired) => (
              <input {...wired} value={key} onInput={(event) => put(values.with(index, [event.currentTarget.value, value]))} />
            )}
          </Field>
          <AnyField
            name="value"
            needed
            schema={fieldOf(schema, key)}
            schemas={schemas}
            draft={value}
            path={`${path}.${key}`}
            errors={errors}
            onChange={(next) => put(values.with(index, [key, next]))}
          />
          <button type="button" class="quiet" aria-label={`Remove ${key}`} onClick={() => put(values.toSpliced(index, 1))}>
            ✕
          </button>
        </div>
      ))}
      <button type="button" data-path={path} onClick={() => put([...values, [`name ${values.length + 1}`, ""]])}>
        Add to {words(name)}
      </button>
    </fieldset>
  );
}
