/**
 * What a browser keeps for a page: texts by name, of this browser or of this tab alone. One that
 * keeps nothing (a private window, a full disk) forgets them when the page is loaded again.
 */
type Place = "localStorage" | "sessionStorage";

export function kept(name: string, place: Place = "localStorage"): string {
  try {
    return window[place].getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function keep(name: string, text: string, place: Place = "localStorage"): void {
  try {
    window[place].setItem(name, text);
  } catch {
    // Known until the page is loaded again.
  }
}
