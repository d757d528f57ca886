/** How much room there is: tables and drawings are told in pixels. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** The height of an element that is sized by the page's layout. */
export function useHeight(first: number): [RefObject<HTMLDivElement | null>, number] {
  const place = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(first);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const sized = new ResizeObserver(() => element.clientHeight > 0 && setHeight(element.clientHeight));
    sized.observe(element);
    return () => sized.disconnect();
  }, []);
  return [place, height];
}

const NARROW = matchMedia("(max-width: 860px)");

/** Whether one panel at a time has room. */
export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useLayoutEffect(() => {
    const changed = () => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", changed);
    return () => NARROW.removeEventListener("change", changed);
  }, []);
  return narrow;
}
