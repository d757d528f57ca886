/** The stages of a booking and how it may end, in words. */
import type { Tone } from "../../parts/panel";

export const TONES: Record<string, Tone> = {
  held: "warning",
  requested: "information",
  confirmed: "buy",
  staying: "buy",
  cancelled: "sell",
  released: "sell",
};

export const RELEASED: Record<string, string> = {
  expired: "The hold ran out before it was paid. Nothing was taken.",
  payment_declined: "The payment was declined: nothing was taken, and the nights are free again.",
  payment_failed: "The payment provider gave no answer: what it may have set aside goes back, and the nights are free again.",
  host_declined: "The host declined. What was set aside is let go.",
  host_silent: "The host did not answer in time. What was set aside is let go.",
  withdrawn: "It was withdrawn. Nothing was taken.",
};

/** Why a change came to nothing. */
export const UNCHANGED: Record<string, string> = {
  expired: "there was no answer in time",
  payment_declined: "the payment was declined",
  payment_failed: "the payment provider gave no answer",
  host_declined: "the host declined",
  host_silent: "the host did not answer in time",
  withdrawn: "it was withdrawn",
};

export const CANCELLED: Record<string, string> = {
  guest: "Cancelled by the guest.",
  host: "Cancelled by the host.",
  payment: "Cancelled: the money could not be taken at check-in.",
};
