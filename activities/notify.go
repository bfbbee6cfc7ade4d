package activities

import (
	"context"

	"offboard/internal/offboard"
)

// NotifyInput is what people are told.
type NotifyInput struct {
	Notice offboard.Notice `json:"notice"`
}

// Notify tells people outside of Temporal. It changes nothing in the account. It may tell them twice, with the same ID,
// where an attempt before was cut off.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (Done, error) {
	return Done{}, a.notifier.Notify(ctx, in.Notice)
}
