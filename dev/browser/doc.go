// Package browser holds tests that look at runs as a person does: in the Web UI and in the HTML report, with Chromium.
// They are built with the tag browser only, because they need one.
package browser
