package offboard

import "context"

type lookingKey struct{}

// Looking marks what is asked again and again until an effect is there, so that whoever counts requests lets the others
// go first.
func Looking(ctx context.Context) context.Context { return context.WithValue(ctx, lookingKey{}, true) }

// IsLooking tells whether a context is marked so.
func IsLooking(ctx context.Context) bool {
	looking, _ := ctx.Value(lookingKey{}).(bool)
	return looking
}
