package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/zap"
)

// text is an answer that is not JSON.
type text string

// empty is an answer without a body.
type empty struct{}

// rejected is a request that is not even looked into.
type rejected struct {
	status int
	text   string
	after  time.Duration // when it may come again; zero: it need not
	header http.Header
}

// Error implements error.
func (e *rejected) Error() string { return e.text }

// failure is the body of an answer that says what is wrong.
type failure struct {
	Error    string   `json:"error"`
	Problems []string `json:"problems,omitempty"`
}

func nothing(*bbolt.Tx) error { return nil }

// reply handles a call and writes the answer.
func (d *Door) reply(w http.ResponseWriter, c *call, handle handler) {
	value, err := handle(c)
	status := statusOf(value)
	if err != nil {
		status, value = d.explain(w.Header(), c, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	switch v := value.(type) {
	case empty:
		w.WriteHeader(status)
	case text:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(v))
	case document:
		w.Header().Set("Content-Type", "application/yaml")
		w.WriteHeader(status)
		_, _ = w.Write(v)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // a sender that has gone away has nobody to tell
	}
}

// statusOf is the status of an answer. Whatever is still to come is 202.
func statusOf(value any) int {
	if o, yes := value.(Outcome); yes && (o.Result == Started || o.Result == Held || o.Result == Queued) {
		return http.StatusAccepted
	}
	if _, yes := value.(brakeReleased); yes {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// explain is the only place where errors become statuses. HR systems give up on 4xx and come again on 5xx: whatever may
// be cured by waiting is 503.
func (d *Door) explain(header http.Header, c *call, err error) (int, any) {
	c.line.err = err
	if refused, yes := errors.AsType[*Refused](err); yes {
		c.line.outcome, c.line.run = Declined, refused.Run
		return http.StatusConflict, Outcome{Result: Declined, Message: refused.Message, Run: refused.Run}
	}
	if gone, yes := errors.AsType[*Gone](err); yes {
		c.line.outcome, c.line.run = Declined, gone.Run
		return http.StatusConflict, Outcome{Result: Declined, Message: gone.Error() + ": nothing can be told to it any more", Run: gone.Run}
	}
	if none, yes := errors.AsType[*NoRun](err); yes {
		return http.StatusNotFound, failure{Error: none.Error()}
	}
	if invalid, yes := errors.AsType[*Invalid](err); yes {
		return http.StatusBadRequest, failure{Error: problems(len(invalid.Problems)), Problems: invalid.Problems}
	}
	if away, yes := errors.AsType[*Away](err); yes {
		header.Set("Retry-After", seconds(away.After))
		return http.StatusServiceUnavailable, failure{Error: away.Why + "; nothing is lost, send it again"}
	}
	if no, yes := errors.AsType[*rejected](err); yes {
		for name, values := range no.header {
			header[name] = values
		}
		if no.after > 0 {
			header.Set("Retry-After", seconds(no.after))
		}
		return no.status, failure{Error: no.text}
	}
	d.logger.Error("a request could not be handled", zap.Error(err))
	return http.StatusInternalServerError, failure{Error: "the door has a defect: its log says more"}
}

func problems(n int) string {
	if n == 1 {
		return "the body has 1 problem"
	}
	return fmt.Sprintf("the body has %d problems", n)
}

// seconds is a duration as Retry-After has it: whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}
