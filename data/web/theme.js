// SPDX-License-Identifier: MIT
// theme.js - runs before the first paint, so that nothing flashes: the chosen colours, and that scripts run.
(function () {
	document.documentElement.classList.add("scripted");
	try {
		const theme = localStorage.getItem("backplane.theme");
		if (theme === "light" || theme === "dark")
			document.documentElement.dataset.theme = theme;
	} catch {
		// Storage is forbidden: the system's colours then.
	}
})();
