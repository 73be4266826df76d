/* A network that reads handwritten digits, written by hellodl $version.
 *
 *     #include "digits.h"
 *     float p[10];
 *     hellodl_predict(image, p);    image: 784 bytes, row by row, ink bright: 255 is full ink
 *
 * p[d] is then the probability of digit d. Prepare pictures as MNIST's: the digit in a box of 20 by 20
 * pixels, its centre of mass at the centre of 28 by 28. Needs C99 or C++, $math $scratch bytes of stack.
 */
#ifndef HELLODL_H
#define HELLODL_H
#include <math.h>
#include <stdint.h>

${arrays}typedef struct { int n_in, n_out; $fields; } hellodl_layer;
static const hellodl_layer hellodl_layers[] = {
$layers};

$upright/* Scores become probabilities. */
static void hellodl_softmax(const float *scores, float *probabilities) {
    float top = scores[0], total = 0;
    for (int d = 1; d < 10; d++)
        if (scores[d] > top) top = scores[d];
    for (int d = 0; d < 10; d++) total += probabilities[d] = expf(scores[d] - top);
    for (int d = 0; d < 10; d++) probabilities[d] /= total;
}

/* The probability of each digit, from pixels of 0 (bare) to 255 (full ink). */
static void hellodl_predict(const uint8_t image[784], float probabilities[10]) {
$body}
#endif
