package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// Fault is something that goes wrong in a rehearsal because somebody asked for it.
type Fault struct {
	Text  string // as it was asked for
	Means string

	phase    offboard.Phase // armed when it begins; empty: from the start
	faults   []ibmsim.Fault
	lasts    time.Duration // zero: as long as the simulator's fault says
	cluster  string        // name or ID, where it is one of a cluster
	spoil    func(*ibmsim.Cluster)
	everyone func(*ibmsim.Account)
}

// outage is how long an outage of a rehearsal lasts. It stands for an incident that is over before the engine's patience
// is: steps are tried for a minute there and for an hour in earnest.
const outage = 8 * time.Second

// operation is one thing that services are asked for, by a name for people.
type operation struct {
	service, name string
	api           string // as the simulator names it
	method, path  string
	changes       bool
}

var operations = []operation{
	{"containers", "reset", "containers", "POST", "/v1/keys$", true},
	{"containers", "refresh", "containers", "POST", "/v2/refreshMaster$", true},
	{"containers", "sync", "containers", "POST", "/v2/applyRBAC", true},
	{"containers", "list-clusters", "containers", "GET", "/getClusters$", false},
	{"containers", "owner", "containers", "GET", "/clusterkeyowner$", false},
	{"containers", "kubeconfig", "containers", "GET", "/v2/getKubeconfig$", false},
	{"user-management", "list-users", "user-management", "GET", "/users$", false},
	{"user-management", "invite", "user-management", "POST", "/users$", true},
	{"user-management", "remove", "user-management", "DELETE", "", true},
	{"iam", "token", "iam-token", "POST", "", false},
	{"iam", "list-keys", "iam-identity", "GET", "/apikeys$", false},
	{"iam", "disable", "iam-identity", "POST", "/disable$", true},
	{"iam", "enable", "iam-identity", "DELETE", "/disable$", true},
	{"iam", "delete", "iam-identity", "DELETE", "/apikeys/[^/]+$", true},
	{"iam", "grant", "iam-policy", "POST", "", true},
	{"iam", "member", "iam-groups", "PUT", "/members$", true},
	{"clusters", "restart", "kube", "PATCH", "", true},
	{"search", "search", "search", "POST", "", false},
	{"resource-groups", "list-groups", "resource-manager", "GET", "", false},
}

// services are the simulator's names of the services that people name.
var services = map[string][]string{
	"iam": {"iam-token", "iam-identity", "iam-policy", "iam-groups"}, "user-management": {"user-management"}, "containers": {"containers"},
	"search": {"search"}, "resource-groups": {"resource-manager"}, "clusters": {"kube"},
}

// phases are the phases that a fault can wait for, as people write them.
var phases = map[string]offboard.Phase{
	"survey": offboard.PhaseSurvey, "prepare": offboard.PhasePrepare, "hand-over": offboard.PhaseHandOver, "disable": offboard.PhaseDisable,
	"soak": offboard.PhaseSoak, "delete": offboard.PhaseDelete, "remove": offboard.PhaseRemove, "clean": offboard.PhaseClean,
}

// vocabulary is a word for a fault: what follows it after a colon, what it means, and how it is made.
type vocabulary struct {
	name, argument, means string
	aims                  bool // takes @SERVICE or @SERVICE OPERATION besides a phase
	start                 bool // is there from the start, so that it takes no @ at all
	make                  func(f *Fault, argument string, at aim) error
}

// aim is what of the services a fault strikes.
type aim struct {
	services  []string // the simulator's names
	operation *operation
}

func (a aim) each(template ibmsim.Fault) []ibmsim.Fault {
	var list []ibmsim.Fault
	for _, service := range a.services {
		f := template
		f.Service = service
		if a.operation != nil {
			f.Method, f.Path = a.operation.method, a.operation.path
		}
		list = append(list, f)
	}
	return list
}

var words = []vocabulary{
	{name: "throttle", means: "refuses five requests as too many; without @ the containers API", aims: true,
		make: func(f *Fault, _ string, at aim) error {
			if len(at.services) == 0 {
				at.services = services["containers"]
			}
			f.faults = at.each(ibmsim.Fault{Status: 429, RetryAfter: "1", Times: 5})
			return nil
		}},
	{name: "outage", argument: "SERVICE", means: "the service answers nothing but 503 for a while, from the hand-over on unless @ says otherwise",
		make: func(f *Fault, argument string, at aim) error {
			apis, err := serviceNamed(argument)
			if err != nil {
				return err
			}
			at.services = apis
			f.faults, f.lasts = at.each(ibmsim.Fault{Status: 503, Times: -1}), outage
			if f.phase == "" {
				f.phase = offboard.PhaseHandOver
			}
			return nil
		}},
	{name: "lost-reply", argument: "OPERATION", means: "the first such request is carried out and its answer is lost",
		make: func(f *Fault, argument string, _ aim) error {
			op, err := operationNamed(argument)
			if err == nil && !op.changes {
				err = fmt.Errorf("%s only reads: name one that changes something", argument)
			}
			if err != nil {
				return err
			}
			f.faults = []ibmsim.Fault{{Service: op.api, Method: op.method, Path: op.path, DropAfter: true}}
			return nil
		}},
	{name: "slow-replication", means: "new keys and grants act eight seconds later than usual, as if it were twenty times as long",
		make: func(f *Fault, _ string, _ aim) error {
			for _, name := range []string{"reset", "grant", "member"} {
				op, err := operationNamed(name)
				if err != nil {
					return err
				}
				f.faults = append(f.faults, ibmsim.Fault{Service: op.api, Method: op.method, Path: op.path, Replication: "8s", Times: -1})
			}
			return nil
		}},
	{name: "denied", argument: "SERVICE", means: "the service refuses every change for want of rights",
		make: func(f *Fault, argument string, _ aim) error {
			apis, err := serviceNamed(argument)
			if err != nil {
				return err
			}
			for _, op := range operations {
				if op.changes && slices.Contains(apis, op.api) {
					f.faults = append(f.faults, forbidden(ibmsim.Fault{Service: op.api, Method: op.method, Path: op.path}))
				}
			}
			if len(f.faults) == 0 {
				return fmt.Errorf("nothing is changed in %s", argument)
			}
			return nil
		}},
	{name: "unreachable", argument: "CLUSTER", means: "the cluster's own API does not answer", start: true,
		make: func(f *Fault, argument string, _ aim) error {
			f.cluster, f.spoil = argument, func(c *ibmsim.Cluster) { c.PrivateOnly = true }
			return nil
		}},
	{name: "rollout-stuck", argument: "CLUSTER", means: "what is restarted in the cluster does not become ready", start: true,
		make: func(f *Fault, argument string, _ aim) error {
			f.cluster, f.spoil = argument, func(c *ibmsim.Cluster) { c.NeverReady = []string{blockController, fileController, autoscaler} }
			return nil
		}},
	{name: "never-accepts", means: "who is invited does not accept", start: true,
		make: func(f *Fault, _ string, _ aim) error {
			f.everyone = func(a *ibmsim.Account) {
				for i := range a.Users {
					a.Users[i].NeverAccepts, a.Users[i].Accepts = true, 0
				}
			}
			return nil
		}},
	{name: "removal-fails", means: "the removal of the user ends in an error", start: true,
		make: func(f *Fault, _ string, _ aim) error {
			f.everyone = func(a *ibmsim.Account) { a.Knobs.RemovalFails = true }
			return nil
		}},
	{name: "random", means: "eight faults that pass, drawn by --seed", start: true,
		make: func(*Fault, string, aim) error { return nil }},
}

// forbidden makes a fault refuse for want of rights, always. The containers API says of most refusals that a token was
// wrong; this code of it says that a role is.
func forbidden(f ibmsim.Fault) ibmsim.Fault {
	f.Status, f.Times = 403, -1
	if f.Service == "containers" {
		f.Body = `{"code": "A0010", "type": "Authentication", "description": "You are not authorized to do this."}`
	}
	return f
}

// randomFaults is how many the word random draws.
const randomFaults = 8

// Vocabulary says which faults can be asked for, a line each.
func Vocabulary() string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "  %-22s %s\n", w.usage(), w.means)
	}
	fmt.Fprintf(&b, "SERVICE is one of %s.\n", strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	fmt.Fprintf(&b, "OPERATION is one of %s.\n", operationNames(func(operation) bool { return true }))
	fmt.Fprintf(&b, "@ is followed by a phase (%s), or for throttle by SERVICE or \"SERVICE OPERATION\".", strings.Join(slices.Sorted(maps.Keys(phases)), ", "))
	return b.String()
}

func (w vocabulary) usage() string {
	if w.argument == "" {
		return w.name
	}
	return w.name + ":" + w.argument
}

func operationNames(which func(operation) bool) string {
	var names []string
	for _, op := range operations {
		if which(op) {
			names = append(names, op.name)
		}
	}
	return strings.Join(names, ", ")
}

// ParseFaults reads faults as people ask for them: NAME[:ARGUMENT][@PHASE or SERVICE OPERATION]. The error lists everything
// that is wrong with any of them, and what there is. Seed draws the random ones.
func ParseFaults(texts []string, seed int64) ([]Fault, error) {
	var list []Fault
	var problems []string
	for _, text := range texts {
		f, err := parseFault(text, seed)
		if err != nil {
			problems = append(problems, fmt.Sprintf("fault %q: %v", text, err))
			continue
		}
		list = append(list, f)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s\nThese faults can be asked for:\n%s", strings.Join(problems, "\n"), Vocabulary())
	}
	return list, nil
}

func parseFault(text string, seed int64) (Fault, error) {
	what, where, aimed := strings.Cut(text, "@")
	name, argument, _ := strings.Cut(strings.TrimSpace(what), ":")
	i := slices.IndexFunc(words, func(w vocabulary) bool { return w.name == name })
	if i < 0 {
		return Fault{}, fmt.Errorf("there is none of this name")
	}
	w := words[i]
	f := Fault{Text: text, Means: w.means}
	switch {
	case w.argument != "" && argument == "":
		return f, fmt.Errorf("it lacks its %s: write %s", w.argument, w.usage())
	case w.argument == "" && argument != "":
		return f, fmt.Errorf("it takes nothing after a colon")
	case aimed && w.start:
		return f, fmt.Errorf("it is there from the start and takes no @")
	}
	var at aim
	if aimed {
		var err error
		if at, err = f.where(strings.TrimSpace(where), w.aims); err != nil {
			return f, err
		}
	}
	if name == "random" {
		f.faults = ibmsim.Schedule(uint64(seed), randomFaults)
	}
	return f, w.make(&f, argument, at)
}

// where reads what follows the @.
func (f *Fault) where(text string, aims bool) (aim, error) {
	if phase, known := phases[text]; known {
		f.phase = phase
		return aim{}, nil
	}
	if !aims {
		return aim{}, fmt.Errorf("%q is no phase", text)
	}
	service, name, named := strings.Cut(text, " ")
	apis, err := serviceNamed(service)
	if err != nil {
		return aim{}, fmt.Errorf("%q is neither a phase nor a service", text)
	}
	if !named {
		return aim{services: apis}, nil
	}
	op, err := operationNamed(strings.TrimSpace(name))
	if err == nil && op.service != service {
		err = fmt.Errorf("%s is an operation of %s", op.name, op.service)
	}
	return aim{services: []string{op.api}, operation: &op}, err
}

func serviceNamed(name string) ([]string, error) {
	if apis, known := services[name]; known {
		return apis, nil
	}
	return nil, fmt.Errorf("%q is no service", name)
}

func operationNamed(name string) (operation, error) {
	i := slices.IndexFunc(operations, func(op operation) bool { return op.name == name })
	if i < 0 {
		return operation{}, fmt.Errorf("%q is no operation", name)
	}
	return operations[i], nil
}

// spoilAccount makes a scene what faults want it to be from the start. The error names clusters that are not there.
func spoilAccount(a *ibmsim.Account, faults []Fault) error {
	var missing []string
	for _, f := range faults {
		if f.everyone != nil {
			f.everyone(a)
		}
		if f.spoil == nil {
			continue
		}
		i := slices.IndexFunc(a.Clusters, func(c ibmsim.Cluster) bool { return !c.Unlisted && (c.Name == f.cluster || c.ID == f.cluster) })
		if i < 0 {
			missing = append(missing, fmt.Sprintf("fault %q: the engine sees no cluster %q", f.Text, f.cluster))
			continue
		}
		f.spoil(&a.Clusters[i])
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s", strings.Join(missing, "\n"))
	}
	return nil
}
