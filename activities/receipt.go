package activities

import (
	"context"
	"reflect"

	"go.temporal.io/sdk/activity"

	"offboard/internal/offboard"
)

// withReceipt puts a receipt into a result that has room for one; any other it returns as it is.
func withReceipt(result any, got offboard.Receipt) any {
	if result == nil || got == (offboard.Receipt{}) {
		return result
	}
	written := reflect.New(reflect.TypeOf(result))
	written.Elem().Set(reflect.ValueOf(result))
	receiver, has := written.Interface().(interface{ Receive(offboard.Receipt) })
	if !has {
		return result
	}
	receiver.Receive(got)
	return written.Elem().Interface()
}

// A receipt goes from one attempt to the next as the second detail of a heartbeat: an attempt whose change was answered
// with a failure may have made it, and the next one then only finds it.

// collect begins with the receipt that the attempt before left.
func (h *heartbeat) collect(ctx context.Context, receipts *offboard.Receipts) {
	var own any
	var left offboard.Receipt
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &own, &left) == nil && left != (offboard.Receipt{}) {
		receipts.Note(left)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.receipts = receipts
}

// leave keeps the receipt of an attempt that failed for the next one.
func (h *heartbeat) leave(ctx context.Context) {
	if h.receipts.Last() != (offboard.Receipt{}) {
		h.RecordHeartbeat(ctx)
	}
}

// said are the details that the activity gave last, and the receipt if there is one.
func (h *heartbeat) said() []any {
	if h.receipts == nil || h.receipts.Last() == (offboard.Receipt{}) {
		return h.details
	}
	var own any
	if len(h.details) > 0 {
		own = h.details[0]
	}
	return []any{own, h.receipts.Last()}
}
