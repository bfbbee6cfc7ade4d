package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	sm "github.com/IBM/secrets-manager-go-sdk/v2/secretsmanagerv2"
)

// vault reads secrets from IBM Cloud Secrets Manager with the engine's own key.
type vault struct {
	key      Secret
	iam      string // base URL of IAM; empty: IBM's
	endpoint string // base URL of the instance; empty: made of the CRN
}

// secretPlace is what a secret's CRN says: crn:v1:bluemix:public:secrets-manager:REGION:a/ACCOUNT:INSTANCE:secret:ID.
type secretPlace struct{ region, instance, id string }

func parseSecretCRN(crn string) (secretPlace, error) {
	parts := strings.Split(crn, ":")
	if len(parts) != 10 || parts[0] != "crn" || parts[4] != "secrets-manager" || parts[8] != "secret" ||
		parts[5] == "" || parts[7] == "" || parts[9] == "" {
		return secretPlace{}, fmt.Errorf("%q is not the CRN of a secret in Secrets Manager (crn:v1:bluemix:public:secrets-manager:REGION:a/ACCOUNT:INSTANCE:secret:ID)", crn)
	}
	return secretPlace{region: parts[5], instance: parts[7], id: parts[9]}, nil
}

// remembered is how long a value from Secrets Manager is used before it is fetched again: the adapter asks before every
// request, and IBM counts each retrieval of a secret.
const remembered = 5 * time.Minute

// read makes the function that reads one secret, at most once in the time it is remembered.
func (v vault) read(place secretPlace) func(context.Context) (string, error) {
	var (
		mu    sync.Mutex
		value string
		until time.Time
	)
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().Before(until) {
			return value, nil
		}
		fresh, err := v.fetch(ctx, place)
		if err != nil {
			return "", err
		}
		value, until = fresh, time.Now().Add(remembered)
		return value, nil
	}
}

func (v vault) fetch(ctx context.Context, place secretPlace) (string, error) {
	key, err := v.key.Read(ctx)
	if err != nil {
		return "", err
	}
	url := v.endpoint
	if url == "" {
		url = fmt.Sprintf("https://%s.%s.secrets-manager.appdomain.cloud", place.instance, place.region)
	}
	// One secret is one read of a few hundred bytes; a service that has not answered by then is down.
	httpClient := &http.Client{Timeout: 20 * time.Second}
	service, err := sm.NewSecretsManagerV2(&sm.SecretsManagerV2Options{
		URL:           url,
		Authenticator: &core.IamAuthenticator{ApiKey: key, URL: v.iam, Client: httpClient},
	})
	if err != nil {
		return "", fmt.Errorf("make the Secrets Manager client: %w", err)
	}
	service.Service.SetHTTPClient(httpClient)
	secret, response, err := service.GetSecretWithContext(ctx, &sm.GetSecretOptions{ID: &place.id})
	if err != nil {
		// The SDK's text can hold the body of the answer; the status says enough.
		if response != nil {
			return "", fmt.Errorf("the Secrets Manager instance %s answered %d", place.instance, response.GetStatusCode())
		}
		return "", fmt.Errorf("the Secrets Manager instance %s did not answer, or IAM refused the engine's key", place.instance)
	}
	return secretValue(secret)
}

func secretValue(secret sm.SecretIntf) (string, error) {
	switch s := secret.(type) {
	case *sm.ArbitrarySecret:
		return core.StringNilMapper(s.Payload), nil
	case *sm.UsernamePasswordSecret:
		return core.StringNilMapper(s.Password), nil
	case *sm.IAMCredentialsSecret:
		// Such a key belongs to a service ID that is locked at each retrieval (trap 52) and cannot own cluster keys.
		return "", fmt.Errorf("it holds a service ID's credentials; a functional ID is a user: store its API key as an arbitrary secret")
	}
	return "", fmt.Errorf("it is a %T; store the API key as an arbitrary secret", secret)
}
