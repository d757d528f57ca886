/** Days as the API writes them (2026-12-24), and as commands count them: days since 1970-01-01. */
const DAY_MS = 86_400_000;
const LONG = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

export const WEEKDAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"] as const;

export function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** A day that there is: not 2026-02-30. */
export function isDate(text: string | undefined): text is string {
  if (text === undefined || !/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const day = dayOf(text);
  return Number.isFinite(day) && dateOf(day) === text;
}

export function dayAfter(date: string, days = 1): string {
  return dateOf(dayOf(date) + days);
}

export function nightsBetween(arrival: string, departure: string): number {
  return dayOf(departure) - dayOf(arrival);
}

/** 0 is Monday. */
export function weekdayOf(date: string): number {
  return (dayOf(date) + 3) % 7;
}

export function monthOf(date: string): string {
  return `${date.slice(0, 7)}-01`;
}

/** The first day of the month so many months later. */
export function monthAfter(month: string, months = 1): string {
  const at = new Date(`${month}T00:00:00Z`);
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, 1)).toISOString().slice(0, 10);
}

/** Fri, 4 Dec 2026 */
export function longDay(date: string): string {
  return LONG.format(dayOf(date) * DAY_MS);
}

/** Fri, 4 Dec */
export function shortDay(date: string): string {
  return SHORT.format(dayOf(date) * DAY_MS);
}

/** December 2026 */
export function monthName(month: string): string {
  return MONTH.format(dayOf(month) * DAY_MS);
}

/** Days that the rules count, as in "nights 20791 to 20793", as people read them. */
export function withDates(text: string): string {
  return text.replace(/\b(days?|nights?) (\d{5})(?: to (\d{5}))?\b/g, (_, word: string, first: string, last: string | undefined) => {
    const until = last === undefined || last === first ? "" : ` to ${shortDay(dateOf(Number(last)))}`;
    return `${word} ${shortDay(dateOf(Number(first)))}${until}`;
  });
}

export function nightsText(count: number): string {
  return count === 1 ? "1 night" : `${count} nights`;
}

export function guestsText(count: number): string {
  return count === 1 ? "1 guest" : `${count} guests`;
}
