package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// KeyInput names a key.
type KeyInput struct {
	ID string `json:"id"`
}

// KeyResult tells how the key was found.
type KeyResult struct {
	// Gone: there is no such key any more.
	Gone bool `json:"gone,omitempty"`
	// Already: it was so before this activity's first attempt, by somebody else's doing.
	Already bool `json:"already,omitempty"`
	offboard.Receipt
}

// DisableKey disables a key. It tells apart what it did from what somebody else did before, over all its attempts, so
// that an undo enables exactly the keys that this engine disabled.
func (a *Activities) DisableKey(ctx context.Context, in KeyInput) (KeyResult, error) {
	first := activity.GetInfo(ctx).Attempt == 1
	k, err := a.keys.Key(ctx, in.ID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return KeyResult{Gone: true}, nil
	case err != nil:
		return KeyResult{}, err
	case k.Disabled:
		// A later attempt that finds the key disabled takes it for its own doing: enabling a key too many does no harm that
		// leaving a cluster's key dead would not do worse.
		return KeyResult{Already: first}, nil
	}
	return gone(a.keys.Disable(ctx, in.ID))
}

// EnableKey enables a key; one that is enabled or gone stays so.
func (a *Activities) EnableKey(ctx context.Context, in KeyInput) (KeyResult, error) {
	return gone(a.keys.Enable(ctx, in.ID))
}

// UnlockKey unlocks a key; one that is not locked or gone stays so (trap 14).
func (a *Activities) UnlockKey(ctx context.Context, in KeyInput) (KeyResult, error) {
	return gone(a.keys.Unlock(ctx, in.ID))
}

// LockKey locks a key; one that is locked or gone stays so.
func (a *Activities) LockKey(ctx context.Context, in KeyInput) (KeyResult, error) {
	return gone(a.keys.Lock(ctx, in.ID))
}

// DeleteKey deletes a key for good; one that is gone stays gone.
func (a *Activities) DeleteKey(ctx context.Context, in KeyInput) (KeyResult, error) {
	return gone(a.keys.Delete(ctx, in.ID))
}

func gone(err error) (KeyResult, error) {
	if offboard.CodeOf(err) == offboard.NotFound {
		return KeyResult{Gone: true}, nil
	}
	return KeyResult{}, err
}
