package ibmcloud

import (
	"errors"

	"offboard/internal/offboard"
)

// gone makes a success of a deletion that found nothing to delete.
func gone(err error) error {
	if offboard.CodeOf(err) == offboard.NotFound {
		return nil
	}
	return err
}

// titled names an inner call's error after the verb it was made for. It is about to be read back or not sent at all, so
// that nothing of the verb has happened yet.
func titled(err error, text string) error {
	inner, ok := errors.AsType[*offboard.Error](err)
	if !ok {
		return err
	}
	outer := *inner
	outer.Op = text
	if inner.Op != "" {
		outer.Message = inner.Op + ": " + inner.Message
	}
	return &outer
}
