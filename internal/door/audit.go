package door

import (
	"context"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// line is the audit line of one request: who sent what, what became of it. It never holds a body or a secret.
type line struct {
	source    string
	by        string // the operator
	events    []string
	user      string
	kind      string
	outcome   Result
	run       string
	duplicate bool
	err       error
}

type lineKey struct{}

// lineOf is the audit line of the request under way.
func lineOf(ctx context.Context) *line {
	if l, yes := ctx.Value(lineKey{}).(*line); yes {
		return l
	}
	return &line{}
}

// audited writes one line for each request when it is answered. Probes are left out while they succeed.
func (d *Door) audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, begin := &line{}, time.Now()
		watched := d.watch(r)
		r = r.WithContext(context.WithValue(watched.Context, lineKey{}, l))
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if probe(r) && seen.status < 300 {
			return
		}
		took := time.Since(begin)
		watched.Answered(Answered{Route: r.Pattern, Status: seen.status, Took: took, Source: l.source, Kind: l.kind, Outcome: string(l.outcome)})
		d.logger.Log(l.level(seen.status), "answered a request", slices.Concat([]zap.Field{zap.String("method", r.Method), zap.String("route", r.Pattern),
			zap.Int("status", seen.status), zap.Duration("took", took), zap.String("from", r.RemoteAddr)}, l.fields(), watched.Fields)...)
	})
}

func probe(r *http.Request) bool { return r.URL.Path == "/livez" || r.URL.Path == "/readyz" }

// level is above Info where somebody should look.
func (l *line) level(status int) zapcore.Level {
	if status >= 400 || l.outcome == Held || l.outcome == Declined {
		return zapcore.WarnLevel
	}
	return zapcore.InfoLevel
}

func (l *line) fields() []zap.Field {
	var list []zap.Field
	for _, f := range []struct{ name, value string }{
		{"source", l.source}, {"by", l.by}, {"kind", l.kind}, {"user", l.user}, {"outcome", string(l.outcome)}, {"run", l.run},
	} {
		if f.value != "" {
			list = append(list, zap.String(f.name, f.value))
		}
	}
	if len(l.events) > 0 {
		list = append(list, zap.Strings("events", l.events))
	}
	if l.duplicate {
		list = append(list, zap.Bool("duplicate", true))
	}
	if l.err != nil {
		list = append(list, zap.Error(l.err))
	}
	return list
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap gives http.ResponseController the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
