// Puts the parts together.

import { Chat } from "./chat.js";
import { announceLanguage } from "./i18n.js";
import { setUpSwitches } from "./switches.js";

setUpSwitches();
const chat = new Chat();
announceLanguage();
chat.start();
