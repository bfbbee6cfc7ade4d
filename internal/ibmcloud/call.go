package ibmcloud

import (
	"context"
	"net/http"
	"strings"

	"github.com/IBM/go-sdk-core/v5/core"

	"offboard/internal/offboard"
)

// op is one request as people and metrics know it.
type op struct {
	name string // the SDK's name of the operation
	text string // the verb and its object, for an error's text
	// once: sending it twice has two effects, so that a lost answer is ambiguous.
	once bool
}

// exchange is what the transport learns of one SDK call and the SDK would hide.
type exchange struct {
	operation string
	began     bool            // the SDK accepted the arguments and handed over a request
	connected bool            // the request got a connection, so that it may have been received
	unsent    *offboard.Error // why the request was not sent: no access token could be had, or its turn is too far off
	lost      error           // why no answer came
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if ex, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return ex
	}
	return &exchange{}
}

// ask sends one SDK request that is answered with something, and translates what came of it. A result without an error
// is never nil (trap 59).
func ask[O, R any](ctx context.Context, o op, send func(context.Context, O) (R, *core.DetailedResponse, error), options O) (R, error) {
	result, _, err := askFully(ctx, o, send, options)
	return result, err
}

// askFully is ask for callers that need headers or the body of a refusal. The response is nil if none came.
func askFully[O, R any](ctx context.Context, o op, send func(context.Context, O) (R, *core.DetailedResponse, error), options O) (R, *core.DetailedResponse, error) {
	ex := &exchange{operation: o.name}
	result, response, err := send(context.WithValue(ctx, exchangeKey{}, ex), options)
	if err != nil {
		return result, response, failed(ctx, o, ex, response)
	}
	if core.IsNil(result) {
		return result, response, unreadable(o, response)
	}
	return result, response, nil
}

// tell sends one SDK request whose answer has no body.
func tell[O any](ctx context.Context, o op, send func(context.Context, O) (*core.DetailedResponse, error), options O) error {
	ex := &exchange{operation: o.name}
	response, err := send(context.WithValue(ctx, exchangeKey{}, ex), options)
	if err != nil {
		return failed(ctx, o, ex, response)
	}
	// The SDK reads no body here, so a proxy's page with status 200 would pass for the service's answer (trap 54).
	if response != nil && strings.Contains(response.Headers.Get("Content-Type"), "html") {
		return unreadable(o, response)
	}
	return nil
}

// get sends a GET that the SDKs have no usable method for. A result that is an *io.ReadCloser receives the body as it is.
func get(ctx context.Context, o op, service *core.BaseService, path string, segments, query map[string]string, accept string, result any) error {
	ex := &exchange{operation: o.name}
	ctx = context.WithValue(ctx, exchangeKey{}, ex)
	builder := core.NewRequestBuilder(http.MethodGet).WithContext(ctx)
	if _, err := builder.ResolveRequestURL(service.GetServiceURL(), path, segments); err != nil {
		return failed(ctx, o, ex, nil)
	}
	builder.AddHeader("Accept", accept)
	for name, v := range query {
		builder.AddQuery(name, v)
	}
	request, err := builder.Build()
	if err != nil {
		return failed(ctx, o, ex, nil)
	}
	response, err := service.Request(request, result)
	if err != nil {
		return failed(ctx, o, ex, response)
	}
	return nil
}

// value is what an optional field holds, or its type's zero.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
