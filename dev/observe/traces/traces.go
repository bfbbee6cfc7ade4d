// Package traces receives the spans that programs send, by OTLP over HTTP, and keeps them for a test to look at. It must not
// know whose spans they are.
package traces

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that arrived. The same span may arrive more than once.
type Span struct {
	Service, Name     string
	Trace, ID, Parent string // in hex; the parent is empty for the first of a trace
	Attributes        map[string]string
	Text              string // the whole span, for what must not be in it
}

// Receiver takes spans and keeps them. Its methods are safe for concurrent use.
type Receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []Span
}

// Receive listens until the test is over.
func Receive(t *testing.T) *Receiver {
	t.Helper()
	r := &Receiver{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.take)
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

func (r *Receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var export collectorpb.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "this is not OTLP", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range export.GetResourceSpans() {
		service := ""
		for _, kv := range from.GetResource().GetAttributes() {
			if kv.GetKey() == "service.name" {
				service = kv.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				attributes := map[string]string{}
				for _, kv := range s.GetAttributes() {
					attributes[kv.GetKey()] = kv.GetValue().GetStringValue()
				}
				r.spans = append(r.spans, Span{Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
					ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()), Attributes: attributes, Text: s.String()})
			}
		}
	}
}

// All are the spans that have arrived.
func (r *Receiver) All() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}
