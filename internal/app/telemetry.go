package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"offboard/activities"
	"offboard/internal/door"
	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
	"offboard/internal/telemetry"
	"offboard/workflows"
)

// healthAddress is the variable that names the address for /livez, /readyz and /metrics.
const healthAddress = "OFFBOARD_HEALTH"

// NewTelemetry makes the traces and metrics of a program: traces as OpenTelemetry's OTEL_* variables say, none if they name
// no receiver. Close sends what is left.
func NewTelemetry(ctx context.Context, program string, env func(string) string, secrets *Redactor, logger *zap.Logger) (*telemetry.Telemetry, error) {
	return telemetry.New(ctx, telemetry.Config{
		Service: "offboard-" + program, Version: Version(), Env: env, Clean: secrets.Text,
		OnError: func(err error) { logger.Warn("telemetry was lost", zap.Error(err)) },
	})
}

// CloseTelemetry is for defer: what could not be sent at the end is told and no failure of the program.
func CloseTelemetry(ctx context.Context, t *telemetry.Telemetry, logger *zap.Logger) {
	if err := t.Close(ctx); err != nil {
		logger.Warn("the last traces were not sent", zap.Error(err))
	}
}

// telemetryOf is the telemetry of a connection; one of its own, which sends nothing, where there is none.
func telemetryOf(c client.Client) (*telemetry.Telemetry, error) {
	if own, ok := c.(*Connection); ok && own.telemetry != nil {
		return own.telemetry, nil
	}
	return telemetry.New(context.Background(), telemetry.Config{Env: func(string) string { return "" }})
}

// observeCloud tells of every exchange with IBM Cloud. Who asked is left to the log: functional IDs are known by e-mail
// addresses.
func observeCloud(t *telemetry.Telemetry, logger *zap.Logger) func(context.Context, ibmcloud.Call) {
	log := logCall(logger)
	return func(ctx context.Context, call ibmcloud.Call) {
		t.CloudRequest(ctx, call.Service, call.Operation, call.Status, call.Duration)
		t.Sent(ctx, telemetry.Sent{
			Name: call.Service + " " + call.Operation, System: "ibm-cloud", Method: call.Method, Status: call.Status, Took: call.Duration,
			Detail: map[string]string{"ibm.request_id": call.RequestID},
		})
		log(ctx, call)
	}
}

func logCall(logger *zap.Logger) func(context.Context, ibmcloud.Call) {
	return func(ctx context.Context, call ibmcloud.Call) {
		logger.Debug("called IBM Cloud", append(telemetry.Fields(ctx), zap.String("service", call.Service), zap.String("operation", call.Operation),
			zap.String("as", call.Identity), zap.Int("status", call.Status), zap.Duration("took", call.Duration), zap.String("request", call.RequestID))...)
	}
}

// observeKubernetes tells of every exchange with a cluster.
func observeKubernetes(t *telemetry.Telemetry, logger *zap.Logger) func(context.Context, kubernetes.Call) {
	return func(ctx context.Context, call kubernetes.Call) {
		t.KubernetesRequest(ctx, call.Verb, call.Resource, call.Status, call.Duration)
		t.Sent(ctx, telemetry.Sent{
			Name: "kubernetes " + call.Verb + " " + call.Resource, System: "kubernetes", Method: call.Method, Status: call.Status, Took: call.Duration,
			Detail: map[string]string{"k8s.cluster.name": call.Cluster},
		})
		logger.Debug("called a cluster", append(telemetry.Fields(ctx), zap.String("cluster", call.Cluster), zap.String("verb", call.Verb),
			zap.String("resource", call.Resource), zap.Int("status", call.Status), zap.Duration("took", call.Duration))...)
	}
}

// watchDoor tells of every request to the door.
func watchDoor(t *telemetry.Telemetry) func(context.Context, string) door.Watched {
	return func(ctx context.Context, method string) door.Watched {
		ctx, end := t.Receive(ctx, method)
		return door.Watched{Context: ctx, Fields: telemetry.Fields(ctx), Answered: func(a door.Answered) {
			end(a.Route, a.Status, map[string]string{"offboard.source": a.Source, "offboard.outcome": a.Outcome})
			t.Request(ctx, a.Route, a.Status, a.Took)
			if a.Outcome != "" {
				t.DoorEvent(ctx, a.Source, a.Kind, a.Outcome)
			}
		}}
	}
}

// backlogFirst is the page of metrics, after a look at what waits in the door.
func backlogFirst(t *telemetry.Telemetry, d *door.Door, logger *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if queued, held, err := d.Backlog(); err != nil {
			logger.Warn("the door's backlog could not be read for the metrics", zap.Error(err))
		} else {
			t.DoorBacklog(r.Context(), queued, held)
		}
		t.Page().ServeHTTP(w, r)
	})
}

// watched tells of every request that a handler answers, save for probes.
func watched(t *telemetry.Telemetry, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, seen := time.Now(), &counted{ResponseWriter: w, status: http.StatusOK}
		ctx, end := t.Receive(r.Context(), r.Method)
		inner := r.WithContext(ctx)
		next.ServeHTTP(seen, inner)
		if inner.URL.Path == "/livez" || inner.URL.Path == "/readyz" {
			return
		}
		end(inner.Pattern, seen.status, nil)
		t.Request(ctx, inner.Pattern, seen.status, time.Since(begin))
	})
}

// How often what nobody reports is looked up, and how long that may take. Keys come and go with offboardings only, and
// every look costs IBM a call for each functional ID.
const (
	countEvery = time.Minute
	keysEvery  = 15 * time.Minute
	lookTime   = 30 * time.Second
)

// survey looks up, until the context ends, what is true whether or not anything happens: which runs are open, and how many
// keys the functional IDs hold.
func survey(ctx context.Context, t *telemetry.Telemetry, c client.Client, ports activities.Ports, logger *zap.Logger) {
	runs, keys := time.NewTicker(countEvery), time.NewTicker(keysEvery)
	defer runs.Stop()
	defer keys.Stop()
	look := func(what string, do func(context.Context) error) {
		limited, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		if err := do(limited); err != nil && ctx.Err() == nil {
			logger.Warn("could not be looked up for the metrics: "+what, zap.Error(err))
		}
	}
	countRuns := func(ctx context.Context) error { return countOpen(ctx, t, c) }
	countKeys := func(ctx context.Context) error { return countKeys(ctx, t, ports) }
	look("open runs", countRuns)
	look("keys of the functional IDs", countKeys)
	for {
		select {
		case <-ctx.Done():
			return
		case <-runs.C:
			look("open runs", countRuns)
		case <-keys.C:
			look("keys of the functional IDs", countKeys)
		}
	}
}

// openRuns are the runs that people answer.
var openRuns = ofOurs + " AND ExecutionStatus = 'Running'"

// countOpen counts the open runs by what Temporal's list says of them, so that all workers tell the same, and the same
// after a restart.
func countOpen(ctx context.Context, t *telemetry.Telemetry, c client.Client) error {
	open, waiting := map[offboard.Phase]int{}, map[offboard.Phase]int{}
	var page []byte
	for {
		answer, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: openRuns, PageSize: 1000, NextPageToken: page})
		if err != nil {
			return fmt.Errorf("list the open runs: %w", err)
		}
		for _, info := range answer.GetExecutions() {
			fields := info.GetSearchAttributes().GetIndexedFields()
			phase, needsPerson := offboard.PhaseAdmit, false // before its first task a run has no attributes
			attribute(fields, workflows.PhaseAttribute.GetName(), &phase)
			attribute(fields, workflows.NeedsPersonAttribute.GetName(), &needsPerson)
			open[phase]++
			if needsPerson {
				waiting[phase]++
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	t.OpenRuns(ctx, open, waiting, time.Now())
	return nil
}

// countKeys tells how many keys each functional ID holds. One whose key does not work yet is left out: a person who reads
// `starter check` learns why.
func countKeys(ctx context.Context, t *telemetry.Telemetry, ports activities.Ports) error {
	var ids []string
	for _, email := range ports.Successors.Emails() {
		if who, err := ports.Successors.Prove(ctx, email); err == nil {
			ids = append(ids, who.IAMID)
		} else if offboard.CodeOf(err) != offboard.Denied {
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	limit, held, err := ports.Keys.Room(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		t.FunctionalIDKeys(ctx, id, held[id], limit)
	}
	return nil
}
