/** Where the application starts. */
import { render } from "preact";
import "./tokens.css";
import "./base.css";
import "./shell.css";
import "../parts/parts.css";
import { Shell } from "./shell";

const place = document.getElementById("page");
if (place !== null) render(<Shell />, place);
