package offboard

import (
	"context"
	"sync"
)

// Receipt is what is known of a changing request from its answer: enough to find it in the account's own records.
type Receipt struct {
	// RequestID is the service's name for the request. Empty where no answer came, or where no request was needed.
	RequestID string `json:"requestId,omitempty"`
	// By is whom it was made as: EngineIdentity, or the e-mail address of a functional ID.
	By string `json:"by,omitempty"`
}

// EngineIdentity stands in a receipt for the engine's own identity, which the adapter cannot name.
const EngineIdentity = "engine"

// Receive takes over what another receipt says.
func (r *Receipt) Receive(got Receipt) { *r = got }

// Receipts keeps the receipt of the last changing request that was made with its context. It is safe for concurrent use.
type Receipts struct {
	mu   sync.Mutex
	last Receipt
}

type receiptsKey struct{}

// CollectReceipts returns a context that collects receipts. One within another collects for itself only.
func CollectReceipts(ctx context.Context) (context.Context, *Receipts) {
	r := &Receipts{}
	return context.WithValue(ctx, receiptsKey{}, r), r
}

// NoteReceipt is for adapters: it says that a changing request was answered. Nothing happens where nobody collects.
func NoteReceipt(ctx context.Context, got Receipt) {
	if r, ok := ctx.Value(receiptsKey{}).(*Receipts); ok {
		r.Note(got)
	}
}

// Note keeps a receipt in place of the one before.
func (r *Receipts) Note(got Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = got
}

// Last is the receipt of the last changing request, zero if there was none.
func (r *Receipts) Last() Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
