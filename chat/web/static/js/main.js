// Puts the parts together.

import { keepFocus } from "./lib/focus.js";
import { announceLanguage } from "./lib/i18n.js";
import { Chat } from "./ui/chat.js";
import { setUpSwitches } from "./ui/switches.js";

keepFocus();
setUpSwitches();
const chat = new Chat();
announceLanguage();
chat.start();
