package main

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"

	"golang.org/x/sync/errgroup"
)

const (
	primeBits = 1024
	exponent  = 65537
)

// onboardingKeys makes RSA keys, no two alike, in seconds, as test/fleet does: each is a pair out of a few primes. Whoever has
// two of them can compute both, so they are good for nothing but being counted; to the hub they are keys like any other.
func onboardingKeys(count int) ([]*rsa.PrivateKey, error) {
	primes, err := somePrimes(enough(count))
	if err != nil {
		return nil, err
	}
	pairs := make([][2]*big.Int, 0, count)
	for i := range primes {
		for j := range i {
			if len(pairs) < count {
				pairs = append(pairs, [2]*big.Int{primes[i], primes[j]})
			}
		}
	}
	keys := make([]*rsa.PrivateKey, count)
	var group errgroup.Group
	group.SetLimit(4)
	for i, pair := range pairs {
		group.Go(func() (err error) {
			keys[i], err = keyOf(pair[0], pair[1])
			return err
		})
	}
	return keys, group.Wait()
}

// enough returns of how many primes there are count pairs.
func enough(count int) int {
	primes := 2
	for primes*(primes-1)/2 < count {
		primes++
	}
	return primes
}

func somePrimes(count int) ([]*big.Int, error) {
	primes := make([]*big.Int, count)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range primes {
		group.Go(func() error {
			for {
				prime, err := rand.Prime(rand.Reader, primeBits)
				if err != nil {
					return err
				}
				// The exponent must have an inverse.
				if new(big.Int).Mod(prime, big.NewInt(exponent)).Cmp(big.NewInt(1)) != 0 {
					primes[i] = prime
					return nil
				}
			}
		})
	}
	return primes, group.Wait()
}

func keyOf(p, q *big.Int) (*rsa.PrivateKey, error) {
	one := big.NewInt(1)
	order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), order), Primes: []*big.Int{p, q},
	}
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("make an onboarding key: %w", err)
	}
	key.Precompute()
	return key, nil
}
