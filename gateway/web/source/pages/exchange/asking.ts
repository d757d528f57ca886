/** What a panel asks once, and again where something that it depends on changes. */
import { useEffect, useState } from "preact/hooks";

export function useAnswer<Found>(asks: () => Promise<Found>, on: readonly unknown[]): Found | null {
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    let wanted = true;
    let timer = 0;
    function go(): void {
      asks().then(
        (answer) => wanted && setFound(answer),
        () => {
          if (wanted) timer = window.setTimeout(go, 1_000);
        },
      );
    }
    setFound(null);
    go();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, on);
  return found;
}
