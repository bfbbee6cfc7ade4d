package offboard

import (
	"context"
	"time"
)

type lookingKey struct{}

// Looking marks what is asked again and again until an effect is there, so that whoever counts requests lets the others
// go first.
func Looking(ctx context.Context) context.Context { return context.WithValue(ctx, lookingKey{}, true) }

// IsLooking tells whether a context is marked so.
func IsLooking(ctx context.Context) bool {
	looking, _ := ctx.Value(lookingKey{}).(bool)
	return looking
}

// SurveyAge is how old a fact may be when a plan is made of it: what others who survey the same account have just read is
// as good as what is read once more. Nothing is changed by a plan alone, and each change looks again before it is made.
const SurveyAge = 10 * time.Second

type surveyingKey struct{}

// Surveying marks what is asked for a plan or an audit, for which a fact may be as old as SurveyAge.
func Surveying(ctx context.Context) context.Context {
	return context.WithValue(ctx, surveyingKey{}, true)
}

// AgeAllowed is how old what is asked for with a context may be; zero if it must be read after it was asked for.
func AgeAllowed(ctx context.Context) time.Duration {
	if surveying, _ := ctx.Value(surveyingKey{}).(bool); surveying {
		return SurveyAge
	}
	return 0
}
