// The page: a session of the server that it comes from.

import * as api from "./api.js";
import { label } from "./labelling.js";

label(document, api);
