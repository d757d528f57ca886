/** A table of any length: only the rows in sight are in the page, so that 100,000 of them scroll. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";

export interface Column<Row> {
  name: string;
  title?: ComponentChildren;
  /** A track of a grid: `90px`, `minmax(80px, 1fr)`. */
  width?: string;
  /** Numbers stand at the end. */
  end?: boolean;
  cell: (row: Row, index: number) => ComponentChildren;
}

interface TableGiven<Row> {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row, index: number) => string | number;
  /** Of the part that scrolls, in pixels. */
  height?: number;
  rowHeight?: number;
  rowClass?: (row: Row, index: number) => string | undefined;
  /** Makes rows that can be chosen, by click or by Enter. */
  onChoose?: (row: Row, index: number) => void;
  chosen?: (row: Row, index: number) => boolean;
  empty?: ComponentChildren;
}

export function Table<Row>(given: TableGiven<Row>) {
  const { rows, columns, keyOf, height = 360, rowHeight = 28, onChoose } = given;
  const scroll = useRef<HTMLDivElement>(null);
  const [, draw] = useReducer((count: number, _: void) => count + 1, 0);
  const options = {
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    initialRect: { width: 600, height },
    onChange: () => draw(),
  };
  const virtual = useMemo(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options), []);
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  const tracks = columns.map((column) => column.width ?? "minmax(70px, 1fr)").join(" ");

  function walk(event: KeyboardEvent, index: number): void {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 }[event.key];
    const row = rows[index];
    if ((event.key === "Enter" || event.key === " ") && row !== undefined) {
      event.preventDefault();
      onChoose?.(row, index);
    } else if (step !== undefined) {
      event.preventDefault();
      const next = Math.min(Math.max(index + step, 0), rows.length - 1);
      virtual.scrollToIndex(next);
      requestAnimationFrame(() => scroll.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus());
    }
  }

  return (
    <div class="table" style={{ "--tracks": tracks }}>
      <div
        ref={scroll}
        class="table-body"
        role="table"
        aria-label={given.label}
        aria-rowcount={rows.length + 1}
        style={{ maxHeight: `${height}px` }}
        tabIndex={onChoose === undefined ? 0 : -1}
      >
        <div class="table-head" role="rowgroup">
          <div role="row" class="table-row">
            {columns.map((column) => (
              <span key={column.name} role="columnheader" class={column.end === true ? "table-end" : undefined}>
                {column.title ?? column.name}
              </span>
            ))}
          </div>
        </div>
        {rows.length === 0 && (
          <div role="rowgroup">
            <div role="row">
              <p role="cell" class="empty muted">
                {given.empty ?? "Nothing yet."}
              </p>
            </div>
          </div>
        )}
        <div role={rows.length === 0 ? "presentation" : "rowgroup"} class="table-rows" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <div
                key={keyOf(row, index)}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={given.chosen?.(row, index)}
                data-index={index}
                class={`table-row ${given.rowClass?.(row, index) ?? ""}`}
                style={{ height: `${rowHeight}px`, transform: `translateY(${start}px)` }}
                tabIndex={onChoose === undefined ? undefined : index === virtual.range?.startIndex ? 0 : -1}
                onClick={onChoose === undefined ? undefined : () => onChoose(row, index)}
                onKeyDown={onChoose === undefined ? undefined : (event) => walk(event, index)}
              >
                {columns.map((column) => (
                  <span key={column.name} role="cell" class={column.end === true ? "table-end" : undefined}>
                    {column.cell(row, index)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
