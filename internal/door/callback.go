package door

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// callBack asks an HR system about a person, with a user and a password, and reads the JSON answer. A person who is not
// there is found == false. Whatever else goes wrong is an *Away, because the sender will come again.
func (d *Door) callBack(ctx context.Context, request *http.Request, user, password Secret, into any) (found bool, err error) {
	away := func(cause error) error {
		return &Away{After: time.Minute, Why: "the HR system could not be asked about the person", Cause: cause}
	}
	name, err := user(ctx)
	if err != nil {
		return false, away(err)
	}
	secret, err := password(ctx)
	if err != nil {
		return false, away(err)
	}
	request = request.WithContext(ctx)
	request.SetBasicAuth(name, secret)
	request.Header.Set("Accept", "application/json")
	answer, err := d.config.Client.Do(request)
	if err != nil {
		return false, away(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if answer.StatusCode != http.StatusOK { // the body is not shown: it may hold anything of a person
		return false, away(fmt.Errorf("%s answered %s", request.URL.Host, answer.Status))
	}
	const largest = 1 << 20 // one person's record is a few kilobytes
	if err := json.NewDecoder(io.LimitReader(answer.Body, largest)).Decode(into); err != nil {
		return false, away(fmt.Errorf("%s answered what is not the expected JSON", request.URL.Host))
	}
	return true, nil
}

// plain makes a secret of a text that is none.
func plain(text string) Secret {
	return func(context.Context) (string, error) { return text, nil }
}

// bodyID is the ID of an event whose sender gives it none: the same bytes are the same event.
func bodyID(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// ignored answers a delivery that concerns nobody, so that it is not sent again.
func ignored(c *call, why string) (any, error) {
	c.line.outcome = Ignored
	return Outcome{Result: Ignored, Message: "Ignored: " + why}, nil
}

// misunderstood notes an event that was taken and cannot be applied: a person must look after it.
func (d *Door) misunderstood(source, id string, err error) {
	d.logger.Error("an event cannot be understood and is not applied", zap.String("source", source), zap.String("event", id), zap.Error(err))
}
