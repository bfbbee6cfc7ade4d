//go:build browser

package browser_test

import ("time"; "offboard/internal/offboard")

func demoRequest() (offboard.Request, error) {
	return offboard.DecodeRequest([]byte(`{"user":"leaver@acme.example","soak":"5s","requestedBy":"hr@acme.example"}`), time.Now())
}
