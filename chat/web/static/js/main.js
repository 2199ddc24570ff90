// Puts the parts together.

import { announceLanguage } from "./lib/i18n.js";
import { Chat } from "./ui/chat.js";
import { setUpSwitches } from "./ui/switches.js";

setUpSwitches();
const chat = new Chat();
announceLanguage();
chat.start();
