package telemetry

import (
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"offboard/internal/offboard"
)

// The names of our metrics, as OpenTelemetry knows them; the page adds units and "_total".
const (
	runsEnded          = "offboard.runs.ended"
	runDuration        = "offboard.run.duration"
	phaseDuration      = "offboard.phase.duration"
	scopesEnded        = "offboard.scopes.ended"
	runsOpen           = "offboard.runs.open"
	runsWaiting        = "offboard.runs.waiting"
	lookedAt           = "offboard.runs.looked.at"
	cloudRequests      = "offboard.cloud.requests"
	cloudDuration      = "offboard.cloud.request.duration"
	kubernetesRequests = "offboard.kubernetes.requests"
	kubernetesDuration = "offboard.kubernetes.request.duration"
	functionalKeys     = "offboard.functional.id.keys"
	functionalLimit    = "offboard.functional.id.key.limit"
	requests           = "offboard.http.requests"
	requestDuration    = "offboard.http.request.duration"
	doorEvents         = "offboard.door.events"
	doorQueued         = "offboard.door.queued"
	doorHeld           = "offboard.door.held"
)

// described is what is fixed of a metric of ours.
type described struct {
	name, unit, text string
	bounds           []float64 // of a histogram
}

// Bounds of histograms, in seconds: requests take milliseconds to a minute, phases seconds to weeks.
var (
	forRequests = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	forPhases   = []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400}
	// Between a poll, which lasts a minute, and a task, which lasts milliseconds.
	forTemporal = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300}
)

// phases are those a run can be in. All of them are on the page, also with zero, so that a graph has no holes.
var phases = []offboard.Phase{
	offboard.PhaseAdmit, offboard.PhaseWait, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove, offboard.PhasePrepare, offboard.PhaseHandOver,
	offboard.PhaseDisable, offboard.PhaseSoak, offboard.PhaseDelete, offboard.PhaseRemove, offboard.PhaseClean, offboard.PhaseReport, offboard.PhaseUndo,
}

// catalogue is every metric of ours. docs/observability.md has the same table, with the labels.
var catalogue = []described{
	{name: runsEnded, text: "Runs that ended, by the status of their report; Failed where there is none."},
	{name: runDuration, unit: "s", text: "How long runs took from start to report.", bounds: forPhases},
	{name: phaseDuration, unit: "s", text: "How long the phases of runs took that have ended.", bounds: forPhases},
	{name: scopesEnded, text: "Scopes of runs that ended, by what was planned and what became of it."},
	{name: runsOpen, text: "Open runs by phase, as Temporal lists them."},
	{name: runsWaiting, text: "Open runs that wait for a person: in the phase approve for an approval, elsewhere in a hold."},
	{name: lookedAt, unit: "s", text: "When open runs were last counted, in seconds since 1970."},
	{name: cloudRequests, text: "Requests to IBM Cloud by answer; code none where no answer came."},
	{name: cloudDuration, unit: "s", text: "How long requests to IBM Cloud took.", bounds: forRequests},
	{name: kubernetesRequests, text: "Requests to the clusters' Kubernetes APIs by answer; code none where no answer came."},
	{name: kubernetesDuration, unit: "s", text: "How long requests to the clusters' Kubernetes APIs took.", bounds: forRequests},
	{name: functionalKeys, text: "API keys that a functional ID holds, by its IAM ID."},
	{name: functionalLimit, text: "API keys that one identity of the account may hold."},
	{name: requests, text: "Requests that this program answered, by route and status; probes that succeed are left out."},
	{name: requestDuration, unit: "s", text: "How long this program took to answer requests.", bounds: forRequests},
	{name: doorEvents, text: "Events that the door applied, by sender, kind and outcome."},
	{name: doorQueued, text: "Events in the door's queue that were taken and not applied yet."},
	{name: doorHeld, text: "Events that the mass brake holds until a person releases them."},
}

// views give every metric its bounds, and those that workflows record, which can say a name only, their text.
func views() []sdkmetric.View {
	list := []sdkmetric.View{sdkmetric.NewView(
		sdkmetric.Instrument{Name: "temporal_*", Kind: sdkmetric.InstrumentKindHistogram},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: forTemporal, NoMinMax: true}},
	)}
	for _, d := range catalogue {
		stream := sdkmetric.Stream{Description: d.text}
		if d.bounds != nil {
			stream.Aggregation = sdkmetric.AggregationExplicitBucketHistogram{Boundaries: d.bounds, NoMinMax: true}
		}
		list = append(list, sdkmetric.NewView(sdkmetric.Instrument{Name: d.name}, stream))
	}
	return list
}
