package ibmsim

import "math/rand/v2"

// maxSchedule is the longest schedule a control call may ask for.
const maxSchedule = 1000

// strike is an operation and how it can fail without ever being impossible: whoever repeats it with care gets through.
type strike struct {
	service, method, path string
	lies                  bool // it changes something, so its reply can get lost after the effect
}

var strikes = []strike{
	{service: "iam-token", method: "POST"},
	{service: "iam-identity", method: "GET"},
	{service: "iam-identity", method: "POST", lies: true},
	{service: "iam-identity", method: "DELETE", lies: true},
	{service: "iam-policy", method: "GET"},
	{service: "iam-policy", method: "POST", lies: true},
	{service: "iam-groups", method: "GET"},
	{service: "iam-groups", method: "PUT", lies: true},
	{service: "user-management", method: "GET"},
	{service: "user-management", method: "POST", lies: true},
	{service: "user-management", method: "DELETE", lies: true},
	{service: "resource-manager", method: "GET"},
	{service: "search", method: "POST"},
	{service: "containers", method: "GET"},
	{service: "containers", method: "POST", path: "/v1/keys$", lies: true},
	{service: "containers", method: "POST", path: "/v2/", lies: true},
	{service: "kube", method: "GET"},
	{service: "kube", method: "PATCH", lies: true},
}

// Schedule draws faults from a seed, for property tests: transient refusals, cut connections, lost, broken and late
// replies, spread over the operations of a hand-over. Each strikes at most twice in a row, so that a client that repeats
// with care gets through. The same seed gives the same schedule.
func Schedule(seed uint64, count int) []Fault {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	list := make([]Fault, 0, count)
	for range count {
		s := strikes[r.IntN(len(strikes))]
		f := Fault{Service: s.service, Method: s.method, Path: s.path, Nth: 1 + r.IntN(6), Times: 1 + r.IntN(2)}
		f.draw(r, s.lies)
		list = append(list, f)
	}
	return list
}

func (f *Fault) draw(r *rand.Rand, lies bool) {
	kinds := 8
	if !lies {
		kinds = 5
	}
	switch r.IntN(kinds) {
	case 0:
		f.Status, f.RetryAfter = 429, "1"
	case 1:
		f.Status = []int{500, 502, 503, 504}[r.IntN(4)]
	case 2:
		f.DropBefore = true
	case 3:
		f.NonJSON = f.Method == "GET"
		if !f.NonJSON {
			f.Status = 503
		}
	case 4:
		f.Delay = []string{"20ms", "150ms"}[r.IntN(2)]
	case 5:
		f.DropAfter = true
	case 6:
		f.Status, f.After = 500, true
	case 7:
		f.Truncate = true
	}
}
