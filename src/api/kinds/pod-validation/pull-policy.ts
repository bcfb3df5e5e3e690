// When images are fetched: the values that containers and image volumes know.
import { checkOneOf, type Errors } from '../check.ts'

export const checkPullPolicy = (errors: Errors, field: string, policy: string | undefined): void =>
  checkOneOf(errors, field, policy, ['Always', 'IfNotPresent', 'Never'])
