package chaos_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"offboard/internal/ibmsim"
)

// byOutsiders tells whether an entry is somebody's doing who is neither the engine nor a functional ID. Platform entries
// are nobody's.
func byOutsiders(e ibmsim.Entry) bool {
	return e.Method != "" && !strings.HasPrefix(e.Email, "offboard-admin@") && !strings.HasPrefix(e.Email, "clusters-")
}

// as sends one request as a person of the account who has logged in. A refusal is the account's answer and no error.
func (b *bench) as(email, method, path, body string, headers ...string) error {
	token, member := b.sim.Login(email)
	if !member {
		return nil // removed meanwhile
	}
	r, err := http.NewRequestWithContext(b.ctx, method, b.sim.URL+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request as %s: %w", email, err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil // a fault that was meant for the engine struck somebody else
	}
	defer reply.Body.Close()
	_, _ = io.Copy(io.Discard, reply.Body)
	return nil
}

// onKey does something to the nth key of the leaver, as the account's owner.
func onKey(n uint64, method, suffix string) func(*bench, string) error {
	return func(b *bench, _ string) error {
		var keys []string
		for _, k := range b.sim.State().Keys {
			if k.Owner == leaver {
				keys = append(keys, k.ID)
			}
		}
		if len(keys) == 0 {
			return nil
		}
		return b.as("owner@acme.example", method, "/iam/v1/apikeys/"+keys[n%uint64(len(keys))]+suffix, "")
	}
}

// resetAsPetra makes another administrator the owner of the nth scope.
func resetAsPetra(n uint64) func(*bench, string) error {
	return func(b *bench, _ string) error {
		scopes := b.sim.State().Scopes
		s := scopes[n%uint64(len(scopes))]
		return b.as("petra@acme.example", http.MethodPost, "/containers/global/v1/keys", "", "X-Region", s.Region, "X-Auth-Resource-Group", s.Group)
	}
}

// makeKey is the leaver making another key while they still can.
func makeKey(b *bench, _ string) error {
	return b.as(leaver, http.MethodPost, "/iam/v1/apikeys", fmt.Sprintf(`{"name": "late", "iam_id": %q, "account_id": %q}`, leaverIAM, b.sim.AccountID()))
}

// removeLeaver is somebody else being faster.
func removeLeaver(b *bench, _ string) error {
	return b.as("owner@acme.example", http.MethodDelete, "/user-management/v2/accounts/"+b.sim.AccountID()+"/users/"+leaverIAM, "")
}
