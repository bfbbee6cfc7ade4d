package location

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

func Workflow(ctx workflow.Context, day time.Time) string {
	if day == workflow.Now(ctx) { // want `== compares the zones as well`
		return day.String() // want `Time.String may name the machine's zone`
	}
	_ = day.Local()                                   // want `Time.Local is the machine's zone`
	_ = time.Date(2026, 1, 1, 0, 0, 0, 0, time.Local) // want `time.Local is the machine's`
	_, _ = time.LoadLocation("Europe/Berlin")         // want `time.LoadLocation is the machine's`
	_ = time.Unix(1, 0)                               // want `time.Unix is in the machine's zone`
	_ = day.Format(time.RFC1123)                      // want `the layout prints the name of the zone`
	return fmt.Sprintf("on %v", day)                  // want `fmt prints the name of the zone`
}

func Fine(ctx workflow.Context, day time.Time) string {
	if day.Equal(time.Unix(1, 0).UTC()) {
		return day.UTC().String() + day.In(time.UTC).Format(time.RFC1123)
	}
	return fmt.Sprintf("on %v, that is %s", day.UTC(), day.Format(time.RFC3339))
}
